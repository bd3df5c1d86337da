"""What a text says: the answer it settles on, whether that is the gold answer, the verdict it gives.

Read in this order: `extraction` (where a text states its answer), `verifiers` (one for each kind of answer), `strict`
(what is read where reading is paid for).
"""
