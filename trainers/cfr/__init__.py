"""Counterfactual regret minimisation on dialogue trees: exact values, tables that converge, bounds to compare with.

Read `game` (trees as the game that is solved), `updates` (regret to policy: matching, plus, predictive, Hedge),
`sweeps` and `solver` (an iteration), `mccfr` (by sampling), `merged` and `best_start` (fast and from several starts),
`credit` (the paper's one-step values), `optima` (bounds), `solving`, `training`, `methods` (doors), `logistic`,
`held_out` (what may be reported), `frontier`.
"""
