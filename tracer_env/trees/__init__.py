"""Dialogue trees: every choice of every controller on a task, as arrays; exact values of policies on them.

Read `shape` (what hangs on the rules alone), `tree` (the data), `growth` and `run` (how they are made), `keys`,
`observed` and `policy` (what controllers see and do on them), `evaluation` and `payoffs` (what it comes to), `files`
and `efg` (how they are kept and exported).
"""
