"""Style transfer: losses on the features of frozen networks, without an adversary."""
