"""TRACER (arXiv 2605.28699): controllers learn when to speak while both roles learn what to say.

Read `trainer` (a step), `rollouts` (dialogues with both branches), `choice_trees`, `reviews` (which reviews teach),
`window` (what its controllers see), `settling` (tables solved on the final speakers).
"""
