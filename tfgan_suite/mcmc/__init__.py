"""Background: Metropolis sampling and its diagnostics."""
