"""What files may not do: have code imported, called or run; and what texts may not (`torture_texts`).

    tables     controller files whose names, in every dressing, and whose other fields name code; and mutated bytes
    configs    configs of a run folder that name code at every key, in every dressing, and mutated bytes, under
               ``compare`` and ``train --resume``, ``report``, ``verify`` and ``replay``

Canaries tell: a module and a file that leave a mark wherever they are imported or run, and an audit hook of the
interpreter that hears of every import and of every program that is started while a file has the word.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torture_texts import pasted, placeless, printed, quiet
from torture_tools import Counts, one_line

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.episodes.transcript import Transcript  # noqa: F401 (what reading needs is imported before anybody watches)
from tracer_env.errors import UserError
from tracer_env.intake.toml_files import read_toml, written
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules

FULL, QUICK = (10_000, 1_500, 20_000, 8), (60, 15, 200, 1)
"""How many tables, configs, words and rounds of printing."""
_CANARY = "torture_canary"
_TARGETS = (
    *(f"{_CANARY}:Part", f"{_CANARY}:call", f"{_CANARY}.py:call", "os:abort", "code:interact", "subprocess:Popen"),
    *("tracer_env.trainers.gspo.hook_loading:load_hook", "tracer_env.registry:build", "pydoc:browse", "antigravity:x"),
)
_SOURCE = """
from pathlib import Path
Path(__file__).with_name("mark").write_text("imported")
def call(*arguments, **settings): return 0.0
class Part:
    def __init__(self, *arguments, **settings): pass
"""
_STARTS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn", "webbrowser.open")


class Watch:
    """Hears of imports and of started programs while it is on; made once, since a hook stays for good."""

    def __init__(self) -> None:
        self.on, self.heard = False, list[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in _STARTS:
            self.heard.append(event)
        elif event == "import" and str(arguments[0]).split(".")[0] in (_CANARY, "antigravity"):
            self.heard.append(f"import of {arguments[0]}")

    @contextlib.contextmanager
    def while_on(self) -> Iterator[list[str]]:
        """Yield what is heard meanwhile."""
        self.heard, self.on = [], True
        try:
            yield self.heard
        finally:
            self.on = False


def sweep(seed: int, quick: bool) -> dict[str, int]:
    """Attack in a folder that is thrown away; the same seed attacks alike."""
    counts, noise = Counts(), random.Random(f"{seed} trust")
    tables, configs, words, texts = QUICK if quick else FULL
    before = os.getcwd(), list(sys.path)
    with tempfile.TemporaryDirectory(prefix="trust-") as name:
        home = Path(name).resolve()
        try:
            os.chdir(home)
            os.environ["HF_HUB_OFFLINE"] = "1"  # names of hubs among the settings are looked up here alone
            sys.path.insert(0, str(home))
            (home / f"{_CANARY}.py").write_text(_SOURCE, encoding="utf-8")
            (home / "notes.txt").write_text("nothing", encoding="utf-8")
            watch = Watch()
            _tables(counts, noise, watch, home, tables)
            _configs(counts, noise, watch, home, configs)
            pasted(counts, noise, home, words)
            printed(counts, noise, home, texts)
            placeless(counts, home)
        finally:
            os.chdir(before[0])
            sys.path[:] = before[1]
            sys.modules.pop(_CANARY, None)
    return counts


def _dressed(target: str, noise: random.Random) -> Any:
    """Return a way to write a name: as it is, in a cast, with settings, in lists and mappings, spelled oddly."""
    forms: tuple[Any, ...] = (
        target,
        f"proposer={target}+reviewer=never",
        f"proposer={target},reviewer=simulated",
        f"proposer=agent_0={target}",
        f"{target}:p=1",
        f"{target},always",
        f" {target} ",
        f"./{target}",
        f"../{target}",
        f"hf:{target}",
        f"jsonl:{target}",
        f"recorded:../../{target}",
        [target],
        ["never", target],
        {"name": target, "trust_remote_code": True},
        {"proposer": target},
        True,
        "yes",
        1,
    )
    return noise.choice(forms)


def _untouched(counts: Counts, heard: list[str], home: Path, what: str) -> None:
    counts.check(not heard, f"{what}: {', '.join(heard)}")
    counts.check(not (home / "mark").exists() and _CANARY not in sys.modules, f"{what}: the canary was imported")
    (home / "mark").unlink(missing_ok=True)
    sys.modules.pop(_CANARY, None)


def _mutated(content: bytes, noise: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(noise.randint(1, 4)):
        place = noise.randrange(len(changed) + 1)
        piece = noise.choice(
            (b"", bytes([noise.randrange(256)]), noise.choice(_TARGETS).encode(), b'"', b"[[", b"\x00")
        )
        changed[place : place + noise.choice((0, 0, 1, 7))] = piece
    return bytes(changed)


def _tables(counts: Counts, noise: random.Random, watch: Watch, home: Path, number: int) -> None:
    table = RegretMatching(rules=Rules()).state_dict()
    table["rows"] = {
        "k": {"visits": 1.0, "strategy": [0.5, 0.5], "regret": [0.0, 0.0], "cumulative_regret": [0.0, 0.0]}
    }
    file = home / "table.json"
    for _ in range(number):
        key = noise.choice(("controller", "controller", "controller", *table, "class", "module"))
        data = {**table, key: _dressed(noise.choice(_TARGETS), noise)}
        content = json.dumps(data).encode()
        file.write_bytes(_mutated(content, noise) if noise.random() < 0.5 else content)
        with watch.while_on() as heard:
            try:
                make_controller(noise.choice((str(file), f"proposer={file}+reviewer=never")))
            except UserError:
                counts.add("tables refused")
            except Exception as error:
                counts.check(False, f"table {file.read_bytes()!r}: {type(error).__name__}: {error}")
        counts.add("tables")
        _untouched(counts, heard, home, f"table {content!r}")


def _configs(counts: Counts, noise: random.Random, watch: Watch, home: Path, number: int) -> None:
    small = ["--scenario", "arithmetic", "--methods", "never,always", "--limit", "2"]
    for kind in (["compare", *small], ["train", *small[:2], "--steps", "32", "--method", "regret_matching_plus"]):
        counts.check(quiet([*kind, "--out", kind[0]])[0] == 0, f"{kind} did not end well")
    good = {kind: read_toml(home / kind / "config.toml") for kind in ("compare", "train")}
    keys = _keys(good["compare"])
    for _ in range(number):
        kind = noise.choice(("compare", "train"))
        folder = home / kind
        text = written(_with_code(good[kind], keys, noise)).encode("utf-8", "replace")
        (folder / "config.toml").write_bytes(_mutated(text, noise) if noise.random() < 0.3 else text)
        words = noise.choice(([kind, "--resume"], [kind, "--resume"], ["report"], ["verify"], ["replay"]))
        words = [*words, kind, *noise.choice(([], [], ["--json"]))]
        with watch.while_on() as heard:
            code, _, err = quiet(words)
        counts.add("configs")
        counts.add("configs refused", code == 2)
        counts.check(code == 0 or (code == 2 and one_line(err) is None), f"{words} of {text!r}: {code} {err}")
        _untouched(counts, heard, home, f"{words} of {text!r}")
    named = {**good["compare"], "speaker": {"name": f"{_CANARY}:Part"}}
    (home / "compare" / "config.toml").write_text(written(named), encoding="utf-8")
    for word in (["--trust-code"], ["--speaker", f"{_CANARY}:Part"]):
        quiet(["compare", "--resume", "compare", *word])
        counts.check((home / "mark").exists(), f"the user's own word {word} did not count: the canary is dumb")
        (home / "mark").unlink(missing_ok=True)
        sys.modules.pop(_CANARY, None)
    for kind in good:
        shutil.rmtree(home / kind)


def _keys(data: Mapping[str, Any]) -> list[tuple[str, ...]]:
    keys = [(key,) for key in data] + [
        (key, inner) for key, each in data.items() if isinstance(each, dict) for inner in each
    ]
    hooks = [("hooks", kind) for kind in ("value", "reward", "prompt", "extract", "updater")]
    names = [("speaker", "name"), ("scenario", "name"), ("training", "method"), ("evaluation", "methods")] * 6
    more = [("speaker", key) for key in ("trust_remote_code", "pickled_weights", "path", "adapters", "chat_options")]
    return [
        *keys,
        *hooks * 3,
        *names,
        *more * 2,
        ("gspo", "reward"),
        ("gspo", "report_to"),
        ("tracer", "credit"),
        ("odd",),
    ]


def _with_code(data: Mapping[str, Any], keys: list[tuple[str, ...]], noise: random.Random) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(data))
    for _ in range(noise.randint(1, 2)):
        *section, key = noise.choice(keys)
        place = changed.setdefault(section[0], {}) if section else changed
        if isinstance(place, dict):
            place[key] = _dressed(noise.choice(_TARGETS), noise)
    return changed
