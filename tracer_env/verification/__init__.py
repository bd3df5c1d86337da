"""What a text says: the answer it settles on, whether that is the gold answer, the verdict it gives.

Read in this order: `reasoning` and `dress` (what is left out), `markers` and `extraction` (where a text states its
answer), `numbers` with `tokens`, `standing` and `wording`, `letters` with `naming`, `formulas` with `opening`,
`beside`, `units` and `plain_math` (what a statement says), `comparison` (what a worker computes), `verifiers` (one
for each kind of answer), `verdicts` (what a review says), `strict` (what is read where reading is paid for).
"""
