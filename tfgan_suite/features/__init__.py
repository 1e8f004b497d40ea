"""Frozen networks whose layers are compared: for losses and for measures."""
