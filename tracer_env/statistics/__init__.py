"""Statistics: intervals and tests for comparisons in which tasks are the units. Pure numpy.

Read `quantiles`, then `shares` (how often a method is right), `paired` (two methods on the same tasks), `means`
(tokens and calls), `holm` (many rows), `areas` (how well a
number tells right from wrong). One meaning of brackets everywhere: 95%. `benchmarks/coverage.py` checks
what they promise.
"""
