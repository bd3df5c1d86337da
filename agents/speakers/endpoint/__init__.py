"""Speakers behind an OpenAI-compatible server: requests go out many at once, answers come back as utterances.

Read `speaker` (what `--speaker endpoint:MODEL` makes), `bodies` (the exact request), `answers` (what a reply may hold),
`sending` (attempts, under a budget) with `refusals` (which failures deserve another) and `waits` (how long until then),
`loop` (the one thread and the one client), `keys` and `prices`.
"""
