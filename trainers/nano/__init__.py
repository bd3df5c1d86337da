"""How `nano` was made, the model of just under a million parameters that comes along.

Read `texts` and `rows` (its schooling), `training`, `evaluation`.
"""
