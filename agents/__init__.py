"""Who acts: controllers decide when to speak, speakers decide what to say."""

if __name__ != "tracer_env.agents":
    raise ImportError("the room 'agents' is part of tracer_env: import tracer_env.agents instead of agents")
