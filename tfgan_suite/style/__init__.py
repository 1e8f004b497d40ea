"""Images in the style of others: no opponent, frozen networks compare (see `extractors.feature_network`)."""
