"""``python -m tracer_env``: the command line, where the script itself is not on the path."""

from tracer_env.cli.app import entry

__all__: list[str] = []

if __name__ == "__main__":
    entry()
