"""Networks, and parts of them, that several games share."""
