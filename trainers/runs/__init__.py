"""Training from the command line: a run folder that can be resumed, whatever learns.

Read `controllers` (tables), `language` (GSPO and TRACER), `settings`, `result`.
"""
