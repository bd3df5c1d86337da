"""What they argue about: tasks with checkable answers."""

if __name__ != "tracer_env.scenarios":
    raise ImportError("the room 'scenarios' is part of tracer_env: import tracer_env.scenarios instead of scenarios")
