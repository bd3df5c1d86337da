"""Controllers that learn from what came of whole dialogues; nothing is drawn that was not said.

Read `teaching` (the door), `openings` and `gating` (gates), then `returns` (tables of action values),
`stable_baselines` and `stable_zips` (policies by the steps of the environment).
"""
