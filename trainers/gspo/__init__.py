"""GSPO (arXiv 2507.18071): language models learn what to say from groups of candidates, by sequence ratios.

Read `loss` (the formula), `advantages`, `rewards` (what an utterance is paid), `rollouts` (where samples come from),
`batch`, `layout` and `logprobs` (one pass over a shared prompt), `update`, `trainer` (a step), `state` (what is kept to
go on), `finetune` and `policies` (what learns), `hooks` (functions of your own).
"""
