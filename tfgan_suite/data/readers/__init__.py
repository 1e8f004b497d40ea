"""From files to arrays: one module per format or layout."""
