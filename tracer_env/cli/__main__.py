"""``python -m tracer_env.cli`` is ``tracer-env``; what starts several processes calls it so."""

from tracer_env.cli.app import entry

if __name__ == "__main__":
    entry()
