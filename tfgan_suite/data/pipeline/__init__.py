"""From examples to batches: order, sources and crops, each a function of (seed, step)."""
