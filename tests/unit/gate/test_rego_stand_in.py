"""The engine itself answers what the stand-in of the property tests says: only so do these speak of real modules."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings

from contracts.facts import Facts
from shared.policy.dossier import Dossier
from shared.policy.verdict import DecisionContext, questions
from shared.rego.pool import answered_offline, checked_offline
from shared.rego.question import Granted, Question, Refused, Undecided
from tests.unit.gate.gate_builders import NOW, dossier, failed, item, passed, policy, rule
from tests.unit.gate.rego_modules import MONOTONE, WILFUL, stand_in
from tests.unit.gate.rule_strategies import PROD, Scene, scenes

PATIENT = 30
"""Seconds for one question: the machine may be busy, and how fast it answers is not what is asked here."""
EVERY = policy(
    *(rule("rego", id=f"m{n}", rego=one, parameters={"tolerated": 0}) for n, one in enumerate(MONOTONE)),
    *(rule("rego", id=f"w{n}", rego=one) for n, one in enumerate(WILFUL)),
    name="every-module",
)


def asked_of(held: Dossier) -> tuple[Question, ...]:
    return questions((EVERY,), held, (PROD,), DecisionContext("v", "rita"), NOW)


@given(scenes())
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
def test_the_engine_answers_as_the_stand_in_does(scene: Scene) -> None:
    asked = asked_of(scene.held)
    assert len(asked) == len(MONOTONE) + len(WILFUL)
    assert answered_offline(asked, limit=PATIENT) == stand_in(asked)


@pytest.mark.parametrize(
    ("facts", "monotone"),
    [(passed(), [Granted, Granted, Granted, Granted]), (failed(), [Refused, Undecided, Refused, Undecided])],
)
def test_failed_tests_make_the_difference_to_the_monotone_ones(facts: Facts, monotone: list[type]) -> None:
    asked = asked_of(dossier(item("e1", facts)))
    answers = answered_offline(asked, limit=PATIENT)
    assert answers == stand_in(asked)
    assert [type(answers[one.key]) for one in asked if one.source in MONOTONE] == monotone


@pytest.mark.parametrize("source", [*MONOTONE, *WILFUL])
def test_every_module_may_be_published(source: str) -> None:
    checked_offline(source, limit=PATIENT)
