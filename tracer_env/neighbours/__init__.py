"""Doors to neighbours' packages: our dialogues inside their trainers, servers and viewers. Each is thin.

`hosting` plays a dialogue whose words come from somebody's asynchronous client; `inspect_logs`, `openenv_server`,
`trl_rollouts` and `verifiers_env` stand by themselves, and each needs its package, an extra of its own.
"""
