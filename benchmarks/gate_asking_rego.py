"""One process that asks a Rego rule about versions with more and more evidence.

`pool` is the question at hand until its answer; `whole` includes writing the question from the dossier.
"""

from __future__ import annotations

import asyncio
import json
import sys

from benchmarks import gate_seeds as seeds
from benchmarks.gate_scene import PROD, Measured, Scene, a_gate
from benchmarks.timing import share, timed
from services.gate.wire import passages_from
from shared.clock import utc_now
from shared.policy.policy import read_policy
from shared.policy.verdict import DecisionContext, questions
from shared.rego.question import Granted, Question

RUNS = 12
_MODULE = """package bench
import rego.v1
default allow := false
failed contains one.id if { some one in input.evidence; one.kind == "tests"; one.facts.result != "passed" }
allow if { count(input.evidence) > 0; count(failed) == 0 }
"""


async def ask(url: str, versions: dict[str, int]) -> Measured:
    """By pieces, what a rule costs in milliseconds."""
    async with a_gate(url) as gate:
        return {str(pieces): await _one(Scene(gate, version, pieces)) for version, pieces in versions.items()}


async def _one(scene: Scene) -> Measured:
    policy = read_policy(seeds.document("asked", [{"id": "rego", "title": "Asked", "kind": "rego", "rego": _MODULE}]))
    dossier, at = await scene.dossier(), utc_now()

    def asked() -> tuple[Question, ...]:
        return questions([policy], dossier, passages_from((PROD,)), DecisionContext("vd", "rita"), at)

    async def whole(_: int) -> None:
        answers = await scene.gate.equipment.rego.answer_all(asked())
        if not all(isinstance(one, Granted) for one in answers.values()):
            raise RuntimeError(f"the policy did not answer: {answers}")

    first = await timed(1, whole)
    made = asked()
    return {
        "input_bytes": sum(len(one.input) for one in made),
        "first_ms": round(first[0], 1),
        "pool_p50_ms": share(await timed(RUNS, lambda _: scene.gate.equipment.rego.answer_all(made)), 0.5),
        "whole_p50_ms": share(await timed(RUNS, whole), 0.5),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask(sys.argv[1], json.loads(sys.argv[2])))))
