"""Thousands of dialogues in step, as a Gymnasium vector environment: simulated, or looked up in dialogue trees.

Read `env`, then `machine` (the rules as a finite machine), `simulated` and `recorded` (what happens in a turn), `keys`
and `fixed` (what others see and choose), `parts` and `rates` (what is checked before it starts).
"""
