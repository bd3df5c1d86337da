"""Controllers: one algorithm, one file."""
