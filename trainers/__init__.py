"""How they learn: controllers by regret matching, language models by GSPO, and both together by TRACER."""

if __name__ != "tracer_env.trainers":
    raise ImportError("the room 'trainers' is part of tracer_env: import tracer_env.trainers instead of trainers")
