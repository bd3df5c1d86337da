"""Runs: what was asked for, what happened, and what it came to, in a folder that can be resumed and verified.

Read `config`, `folder` (the files of a run), `comparing` (which ties the rest together), `learning` and `train_trees`
(what is trained first), `playing`, `seeded`, then what reads a run: `report`, `replaying`, `verifying`.
"""
