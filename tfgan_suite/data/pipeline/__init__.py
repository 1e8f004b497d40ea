"""From examples to batches: order, sources, crops; a function of (seed, step)."""
