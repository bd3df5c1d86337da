"""Episodes as files: the schema of their lines, reading them one at a time, finding one among many.

Read `lines` first (what a line may hold), then `index` (where each line begins), `progress` (which episodes a run
still owes) and `choosing` (which episode is worth a look).
"""
