"""The command line: parse, call, print. Each command's work is elsewhere, so that Python can have it too.

Read `app` (the commands, and how errors end), `options` (settings from file, flags and ``--set``), then the commands'
own files. ``python -m tracer_env.cli`` is the same as ``tracer-env``.
"""
