import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tracer_env.verification import math_worker
from tracer_env.verification.comparison import compare


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("\\frac{1}{2}", "0.5", True),
        ("\\frac{1}{2}", "\\dfrac{2}{4}", True),
        ("5", "x = 5", True),
        ("x^2 + 2x + 1", "(x+1)^2", True),
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "(3, \\pi/2)", True),
        ("18.90", "18.9", True),
        ("5", "6", False),
        ("5", "\\text{five}", False),
        ("5", "\ud800", False),
    ],
)
def test_answers_are_compared_as_mathematics(gold: str, answer: str, equal: bool) -> None:
    assert compare(gold, answer) == {"equal": equal}


def test_the_program_speaks_one_json_line_a_job() -> None:
    jobs = io.StringIO()
    for answer in ("0.5", "0.6", "\x00"):
        print(json.dumps({"gold": "1/2", "answer": answer, "seconds": 5}), file=jobs)
    program = str(Path(math_worker.__file__))
    done = subprocess.run(
        [sys.executable, "-P", program], input=jobs.getvalue(), capture_output=True, text=True, check=True, timeout=60
    )
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert replies == [{"ready": True, "clock": True}, {"equal": True}, {"equal": False}, {"equal": False}]
