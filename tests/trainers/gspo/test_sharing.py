"""Who shares a policy."""

from __future__ import annotations

from moves import TASK

from tracer_env.rules import Rules, initial
from tracer_env.trainers.gspo.sharing import SHARING, policies_under


def test_policies_by_role_and_by_agent() -> None:
    state = initial(TASK, Rules())
    assert {name: of(state) for name, of in SHARING.items()} == {"role": "proposer", "agent": "agent_0-proposer"}
    assert policies_under(Rules(), "role") == ["proposer", "reviewer"]
    assert policies_under(Rules(), "role", ("reviewer",)) == ["reviewer"]
    assert policies_under(Rules(), "agent") == ["agent_0-proposer", "agent_1-reviewer"]
    three = Rules(num_agents=3, max_turns=4)
    assert policies_under(three, "agent") == [
        *("agent_0-proposer", "agent_1-reviewer", "agent_2-proposer", "agent_0-reviewer"),
    ]
    assert policies_under(three, "agent", ("proposer",)) == ["agent_0-proposer", "agent_2-proposer"]
