"""From files to arrays: one file a format or layout."""
