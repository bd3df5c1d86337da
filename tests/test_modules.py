"""Every file of the package by itself: its idea, its size, the names it declares, and where its tests stand."""

from __future__ import annotations

import ast

from sources import FILES, ROOT, every_module, imports, is_face, tree

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
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
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
    *(
        "clients",
        "conformance",
        "docs",
        "figures",
        "gates_benchmark",
        "layout",
        "lowest",
        "modules",
        "moved_run",
        "own_study",
        "readme",
        "registration",
        "scripts",
        "seeing_benchmark",
    ),
    "agents/speakers/endpoint/secrets",
    *("torture", "verification/reading_table", "verification/reading_time"),
}
"""Tests of more than one module."""
COVERED = {
    "cli/transferring": "runs/test_transferring",
    "runs/variants": "runs/test_transferring",
    "runs/beside_trees": "trainers/cfr/test_frontier",
    "runs/splits": "scenarios/test_splits",
    "display/gaps": "runs/test_transferring",
    "cli/crediting": "runs/test_crediting",
    "neighbours/verifiers_env": "neighbours/test_hosting",  # and by the script of clients, where verifiers is
    "agents/methods/trained": "runs/test_voiced",
    "episodes/compact_lines": "episodes/test_compact",
    "episodes/turns": "episodes/test_transcript",
    "agents/methods/cot": "agents/methods/test_recipe",
    "agents/methods/self_consistency": "agents/methods/test_recipe",
    "agents/methods/best_of_n": "agents/methods/test_recipe",
    "agents/methods/verifier_loop": "agents/methods/test_recipe",
    "agents/methods/self_refine": "agents/methods/test_recipe",
    "agents/methods/debate": "agents/methods/test_recipe",
    "agents/methods/debate_judge": "agents/methods/test_recipe",
    "agents/methods/mixture": "agents/methods/test_recipe",
    "parts/methods": "agents/methods/test_recipe",
    "envs/reset_options": "envs/test_aec",
    "runs/key_phrases": "test_own_study",
    "display/spreading": "display/test_charts",
    "runs/environment": "runs/test_records",
    "trainers/runs/held_out": "trainers/runs/test_course",
    "trainers/runs/handed": "trainers/runs/test_result",
    "runs/foresight": "cli/test_app",
    "trainers/gspo/checks": "trainers/gspo/test_trainer",
    "terminal/bars": "terminal/test_progress",
    "_checkout": "test_layout",
    "annotations": "test_settings",
    "agents/speakers/models/adapter_files": "trainers/gspo/test_policies",
    "agents/speakers/models/batching": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/decoding": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/model_speaker": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/rendering": "agents/speakers/models/test_templates",
    "agents/speakers/models/transformers_engine": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/vllm_loading": "agents/speakers/models/test_vllm_engine",
    "agents/speakers/models/vllm_speaker": "agents/speakers/models/test_vllm_engine",
    "agents/speakers/models/prefix": "agents/speakers/models/test_huggingface",
    "agents/speakers/models/weights": "agents/speakers/models/test_smollm2",
    "agents/speakers/worked_examples": "agents/speakers/test_prompts",
    "__main__": "cli/test_app",
    "agents/controllers/action_values": "agents/controllers/test_bandits",
    "episodes/consulting": "agents/controllers/test_llm_decides",
    "agents/controllers/gate": "agents/controllers/test_down",
    "_registration": "test_registration",
    "cli/__main__": "cli/test_app",
    "cli/commands": "cli/test_app",
    "cli/expanding": "cli/test_app",
    "cli/solving": "cli/test_app",
    "cli/folders": "cli/test_app",
    "cli/names": "cli/test_app",
    "cli/playing": "cli/test_app",
    "cli/starting": "runs/test_starting",
    "cli/comparing": "cli/test_app",
    "cli/options": "cli/test_app",
    "cli/trees": "cli/test_app",
    "display/page_tables": "display/test_page",
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
    "runs/players": "runs/test_comparing",
    "runs/played": "runs/test_shown",
    "runs/seeded": "statistics/test_seeds",
    "scenarios/recorded": "agents/speakers/test_recorded",
    "reading": "test_schedules",
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
    modules = {name.removeprefix("tracer_env.").replace(".", "/") for name in FILES if not is_face(name)}
    stray = _tests() - modules - WHOLE
    assert not stray, f"no module stands behind these tests: {sorted(stray)}"


def test_every_module_has_tests() -> None:
    modules = {name.removeprefix("tracer_env.").replace(".", "/") for name in FILES if not is_face(name)}
    bare = modules - _tests() - set(COVERED)
    assert not bare, f"without tests of their own, and not named as covered elsewhere: {sorted(bare)}"
    assert not set(COVERED) & _tests()
    for module, test in COVERED.items():
        assert module in modules, f"{module} is gone"
        assert (ROOT / "tests" / f"{test}.py").is_file(), f"{module} is said to be covered by {test}"
