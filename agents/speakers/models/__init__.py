"""Language models as speakers: prompts in, sampled ids out, and what the model told of its own words.

Read `huggingface` (any model of transformers), `nano` and `smollm2` (the ones that come along), `prompts` and
`worked_examples` (what they read), `decoding` and `sampling` (how they write), `prefix` and `roomy_cache` (what makes
it fast), `adapters` and `adapter_files` (trained weights on top), `checks` and the readers (files of strangers).
"""
