from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts.circumstances import Circumstances
from contracts.vocabulary import GateKind, Outcome, PromotionKind
from shared.errors import Invalid
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import VERSION, context_for, dossier, policy, rule, rule_of


def answer(ours: str, theirs: str | None, scheme: str = "semver", *, moment: Any = (), **changes: Any) -> RuleAnswer:
    known = Circumstances(current={"prod": theirs} if theirs else {"qa": "9.9.9"})
    held = dossier(version=ours, circumstances=known)
    written = rule_of(rule("version_order", scheme=scheme, **changes))
    return check(written, held, replace(context_for(held), **dict(moment)))


@pytest.mark.parametrize(
    ("scheme", "older", "newer"),
    [
        ("semver", "1.9.0", "1.10.0"),
        ("semver", "1.0.0-rc.1", "1.0.0"),
        ("semver", "1.0.0-2", "1.0.0-10"),
        ("semver", "v1.0.0-alpha.1", "1.0.0-alpha.beta"),
        ("pep440", "1.0rc1", "1.0"),
        ("pep440", "1.0", "1.0.post1"),
        ("maven", "1.0-SNAPSHOT", "1.0"),
        ("nuget", "1.0.0-a", "1.0.0.1"),
        ("rubygems", "1.0.a", "1.0"),
        ("numeric", "2026.9.1", "2026.11.20"),
    ],
)
def test_only_the_newer_may_take_the_place(scheme: str, older: str, newer: str) -> None:
    assert answer(newer, older, scheme).outcome is Outcome.ALLOW
    for same_ok in (False, True):
        assert answer(older, newer, scheme, same_ok=same_ok).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("scheme", "one", "other"),
    [
        ("semver", "1.0.0+1", "1.0.0+2"),
        ("semver", "v1.0.0", "1.0.0"),
        ("pep440", "1.0+a", "1.0+b"),
        ("pep440", "1.0", "1.0.0"),
        ("nuget", "1.0.0-a+1", "1.0.0-a+2"),
        ("numeric", "1.0", "1"),
    ],
)
def test_what_is_neither_older_nor_newer_passes_where_it_may(scheme: str, one: str, other: str) -> None:
    for ours, theirs in ((one, other), (other, one)):
        assert answer(ours, theirs, scheme).outcome is Outcome.DENY
        assert answer(ours, theirs, scheme, same_ok=True).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("scheme", "nonsense"),
    [
        ("semver", "1.0"),
        ("semver", "01.0.0"),
        ("semver", "nightly"),
        ("pep440", "1.0-nightly-x"),
        ("maven", "nightly"),
        ("nuget", "nightly"),
        ("rubygems", "1..0"),
        ("numeric", "1.0a"),
    ],
)
def test_a_name_that_cannot_be_read_denies_on_either_side(scheme: str, nonsense: str) -> None:
    good = "1.0.0"
    for ours, theirs in ((nonsense, good), (good, nonsense), (nonsense, nonsense)):
        assert answer(ours, theirs, scheme, same_ok=True).outcome is Outcome.DENY
    given = answer(nonsense, good, scheme)
    assert given.observed == f"{nonsense} cannot be read by {scheme}."
    assert given.remedy == f"Name versions by {scheme}, or write the scheme that names them into the policy."


def test_what_it_says() -> None:
    good = answer("1.1.0", "1.0.0")
    assert good.observed == "1.1.0 follows 1.0.0 in prod."
    assert good.required == "The version is newer than the one that stands in prod, by semver."
    bad = answer("1.0.0", "1.1.0")
    assert bad.observed == "1.0.0 is older than 1.1.0, which stands in prod."
    assert bad.remedy == (
        "Promote a version that is newer than the one that stands there; to go back on purpose, ask for a rollback."
    )
    assert bad.violations[0].artifact == VERSION
    assert answer("1.0.0", "1.0.0+1").observed == "1.0.0 is the same as 1.0.0+1, which stands in prod."


def test_where_nobody_stands_and_for_who_does_not_go_on_nothing_is_compared() -> None:
    assert answer("nightly", None).observed == "No version stands in prod yet."
    for kind, why in (
        (PromotionKind.ROLLBACK, "A rollback goes back on purpose"),
        (PromotionKind.DEMOTE, "A demotion goes back on purpose"),
        (PromotionKind.RECERTIFY, "A re-certification replaces nobody"),
    ):
        back = answer("1.0.0", "1.1.0", moment={"kind": kind})
        assert back.outcome is Outcome.ALLOW
        assert back.observed == f"{why}: versions are not compared."
    assert answer("1.0.0", "1.1.0", moment={"kind": PromotionKind.RELEASE}).outcome is Outcome.DENY


def test_who_leaves_a_stage_replaces_nobody_there_but_must_not_have_been_replaced() -> None:
    leaving = {"gate": GateKind.EXIT}
    assert answer("1.0.0", "1.0.0", moment=leaving).observed == "It stands in prod itself."
    assert answer("1.0.0", "1.1.0", moment=leaving).outcome is Outcome.DENY
    assert answer("1.0.0", "1.0.0").outcome is Outcome.DENY


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(Invalid):
        policy(rule("version_order", scheme="calver"))
