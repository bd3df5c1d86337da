"""What a text says: the answer it settles on, whether that is the gold answer, the verdict it gives.

Read in this order: `reasoning` and `dress` (what is left out), `extraction` (where a text states its answer),
`numbers`, `letters`, `formulas` (what a statement says), `verifiers` (one for each kind of answer), `strict`
(what is read where reading is paid for).
"""
