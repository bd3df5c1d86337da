"""Dialogue trees with their doors: information states, files, exact values, other libraries' games.

    trees = expand("arithmetic", "simulated")            see `growth`
    trees.keys("vote+time")                              `keys` numbers the information states of all nodes
    trees.evaluate(policy)                               `evaluation`: what a policy comes to, exactly
    trees.save("folder"), DialogueTrees.load("folder")   `files`
    trees.to_efg("game.efg"), trees.to_openspiel()       `efg`

The data itself, and what its arrays mean, stands in `levels`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.interfaces import Information
from tracer_env.rules import Rules
from tracer_env.trees import efg
from tracer_env.trees.evaluation import Evaluation, Policy, evaluate_policy
from tracer_env.trees.files import load_trees, save_trees
from tracer_env.trees.keys import key_table
from tracer_env.trees.levels import KeyTable, TreeData

__all__ = ["DialogueTrees"]


@dataclass(frozen=True, eq=False, repr=False)
class DialogueTrees(TreeData):
    """The trees of n tasks in W worlds, R = n W rows. Treat the arrays as read-only."""

    def keys(self, information: str | Information = "vote_and_time") -> KeyTable:
        """Return the information states under a key: a name, a composition (fitted), or a function of the state.

        A function is asked at every node, about dialogues that hold grades, verdicts, signals and token counts but no
        texts. Raises UnknownNameError for a name that there is not, ConfigError for a composition without its edges.
        """
        return key_table(self, information)

    def save(self, path: Path | str) -> None:
        """Write a folder that `load` reads back; raises RunFolderError when something stands there already."""
        save_trees(self, path)

    @classmethod
    def load(cls, path: Path | str, rules: Rules | None = None) -> DialogueTrees:
        """Read a folder of trees. Give ``rules`` to have them checked, or to bring a schedule of your own.

        Raises RunFolderError for a foreign folder, DataError for a damaged one, ConfigError for other rules.
        """
        return load_trees(cls, path, rules)

    def evaluate(self, policy: Policy, information: str | Information = "vote_and_time") -> Evaluation:
        """Return what a policy comes to on these trees, exactly; see `evaluation.evaluate_policy`."""
        return evaluate_policy(self, policy, information)

    def to_efg(self, path: Path | str, credit: str = "team", information: str | Information = "vote_and_time") -> Path:
        """Write the game as a Gambit extensive-form file that OpenSpiel's ``efg_game`` loads; see `efg.to_efg`."""
        return efg.to_efg(self, path, credit, information)

    def to_openspiel(self, credit: str = "team", information: str | Information = "vote_and_time") -> Any:
        """Return the game as OpenSpiel's, when pyspiel is installed; see `efg.to_openspiel`."""
        return efg.to_openspiel(self, credit, information)
