"""`licenses`: what is said of the components of a version, whose bills count, and what waivers cover."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from contracts.circumstances import Circumstances, ContainedVersion
from contracts.facts import EvidenceItem, UnreadableFacts
from shared.policy.dossier import Dossier
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    SBOM_TYPE,
    VERSION,
    WHEEL,
    dossier,
    judge,
    policy,
)
from tests.unit.gate.license_builders import ALLOW, DAY, DENY, LISTS, PENDING, A, B, C, answer, attached, outcome, use
from tests.unit.gate.vulnerability_builders import waiver

INNER, PART = "sha256:" + "1" * 64, "sha256:" + "2" * 64
PAGE = Path(__file__).parents[3] / "docs" / "rules" / "licenses.md"


def test_a_denial_names_components_and_the_licence_that_decides() -> None:
    piece = attached(use("GPL-3.0-only", A, B, count=5), use("MIT AND GPL-2.0+", C), use("MPL-2.0", "pkg:npm/d@1"))
    given = answer(LISTS, piece)
    assert (given.outcome, given.evidence, given.awaits) == (DENY, ("sbom-1",), None)
    assert given.observed == (
        f"Licences that are denied: {A} under GPL-3.0-only, {B} under GPL-3.0-only, "
        "3 more components of sbom-1 under GPL-3.0-only and 1 more."
    )
    assert given.remedy == "Replace the components named, build again and attach a new bill of materials."
    assert given.required == (
        "Every artifact has verified sbom evidence signed by a signer in the role build, whose licences are acceptable "
        "(allowed are MIT, Apache-2.0, LGPL-2.1-or-later; denied GPL-*, AGPL-3.0-only; "
        "to be reviewed MPL-*, LicenseRef-*; all others denied)."
    )
    says = [one.says for one in given.violations]
    assert f"{C} under MIT AND GPL-2.0+ for GPL-2.0-or-later" in says
    assert {one.artifact for one in given.violations} == {WHEEL}
    assert {one.component for one in given.violations} == {A, B, C, "pkg:npm/d@1", None}


def test_a_review_waits_for_a_waiver() -> None:
    given = answer(LISTS, attached(use("MPL-2.0", A), use("MIT", B)))
    assert (given.outcome, given.awaits, given.evidence) == (PENDING, "waiver", ("sbom-1",))
    assert given.observed == f"Licences that have to be reviewed: {A} under MPL-2.0."
    assert given.remedy == (
        "Have the licences reviewed, and ask those who grant waivers under this policy for one, for the component or "
        "the artifact; or use the components under another licence."
    )


@pytest.mark.parametrize(
    ("piece", "observed"),
    [
        (attached(use("ISC", A)), f"Licences that are in no list of the policy: {A} under ISC."),
        (attached(use("see file", A)), f"Licences that are in no list of the policy: {A} under see file."),
        (attached(use("a, b", A)), f"Licences that cannot be read as SPDX expressions: {A} under a, b."),
        (attached(fields={"unlicensed": use("NOASSERTION", A)}), f"No licence is said for {A}."),
        (attached(use("MIT", A), fields={"component_count": 4}), "No licence is said for 3 components of sbom-1."),
        (attached(fields={"unidentified_count": 2}), "No licence is said for 2 components of sbom-1."),
        (
            attached(fields={"unlisted_licenses": 7}),
            "Licences that cannot be judged: sbom-1 has 7 licence expressions that are not listed.",
        ),
    ],
)
def test_what_cannot_be_judged_denies_unless_the_policy_says_otherwise(piece: EvidenceItem, observed: str) -> None:
    given = answer(LISTS, piece)
    assert (given.outcome, given.observed) == (DENY, observed)
    assert given.remedy
    rest = DENY if "judged" in observed else PENDING
    assert answer(LISTS | {"unknown": "review"}, piece).outcome is rest
    assert answer(LISTS | {"unknown": "allow"}, piece).outcome is (DENY if rest is DENY else ALLOW)


def test_evidence_that_does_not_count_is_absent_and_what_cannot_be_read_denies() -> None:
    good = attached(use("MIT", A))
    absent = answer(LISTS)
    assert (absent.outcome, absent.awaits) == (PENDING, "sbom")
    for change in ({"verified": False, "signers": ()}, {"subjects": (IMAGE,)}, {"signers": ()}):
        assert answer(LISTS, good.model_copy(update=change)) == absent
    torn = good.model_copy(
        update={"evidence_id": "torn", "facts": UnreadableFacts(where="$", problem="no", meant="sbom")}
    )
    assert answer(LISTS, torn).observed == "torn could not be read at $: no."
    newest = torn.model_copy(update={"made_at": NOW})
    assert answer(LISTS, good, newest).outcome is DENY
    assert answer(LISTS, torn.model_copy(update={"made_at": NOW - DAY}), good).outcome is ALLOW
    assert (
        answer(LISTS, good, attached(use("GPL-2.0-only", A), name="other", role="test", age=timedelta(0))).outcome
        is ALLOW
    )


def test_age_and_distrust_take_away_the_power_to_allow_only() -> None:
    aged = LISTS | {"max_age": "7d"}
    for expression, expected in (("MIT", PENDING), ("GPL-2.0-only", DENY)):
        assert answer(aged, attached(use(expression, A), age=8 * DAY)).outcome is expected
        assert answer(aged, attached(use(expression, A), distrusted=True)).outcome is expected
    assert answer(aged, attached(use("MIT", A), age=DAY)).valid_until == NOW + 6 * DAY


def test_nested_versions_need_their_bills_too() -> None:
    contained = (ContainedVersion(application="lib", version="1", digest=INNER, artifacts=(PART,)),)
    outer = attached(use("MIT", A))
    assert answer(LISTS, outer, contained=contained).outcome is PENDING
    for subject in (PART, INNER):
        inner = attached(use("MIT", B), name="sbom-2", subjects=(subject,))
        assert answer(LISTS, outer, inner, contained=contained).outcome is ALLOW
    bad = attached(use("GPL-2.0-only", B), name="sbom-2", subjects=(PART,))
    assert answer(LISTS, outer, bad, contained=contained).violations[0].artifact == PART


@pytest.mark.parametrize(
    ("subject", "covers"),
    [
        ({"component": A}, True),
        ({"artifact": WHEEL}, True),
        ({"artifact": VERSION}, True),
        ({"artifact": WHEEL, "component": A}, True),
        ({"component": B}, False),
        ({"artifact": IMAGE}, False),
        ({"artifact": IMAGE, "component": A}, False),
        ({"vulnerability": "CVE-1"}, False),
    ],
)
@pytest.mark.parametrize("expression", ["MPL-2.0", "GPL-2.0-only"])
def test_waivers_cover_components_and_artifacts(subject: dict[str, str], covers: bool, expression: str) -> None:
    granted = waiver(max_severity=None, **subject).model_copy(update={"rule": "licenses"})
    for changed, passes in ((granted, covers), (granted.model_copy(update={"stage": "qa"}), False)):
        held = dossier(attached(use(expression, A)), circumstances=Circumstances(waivers=(changed,)))
        given = judge(held, policy(LISTS))
        assert (given.outcome is ALLOW) == passes
        assert given.findings[0].outcome is outcome(expression)


@pytest.mark.parametrize("hidden", [attached(use("MPL-2.0", A, count=2)), attached(fields={"unlisted_licenses": 1})])
def test_only_a_waiver_for_the_artifact_covers_what_is_not_named(hidden: EvidenceItem) -> None:
    for subject, passes in (({"component": A}, False), ({"artifact": WHEEL}, True)):
        granted = waiver(max_severity=None, **subject).model_copy(update={"rule": "licenses"})
        held = dossier(hidden, circumstances=Circumstances(waivers=(granted,)))
        assert (judge(held, policy(LISTS)).outcome is ALLOW) == passes


def test_the_page_shows_what_people_see() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").replace("\n> ", "\n").split())
    denied = answer(LISTS, attached(use("MIT AND GPL-2.0+", "pkg:npm/left@1.2.0")))
    review = answer(LISTS, attached(use("MPL-2.0", "pkg:npm/right@2.0.0")))
    for sentence in (denied.observed, denied.remedy, review.observed, review.remedy):
        assert sentence in page


EXPRESSIONS = st.sampled_from(["MIT", "MIT", "MIT", "Apache-2.0 OR GPL-2.0-only", "MPL-2.0", "GPL-2.0-only", "torn"])
BILLS = st.lists(
    st.tuples(
        EXPRESSIONS,
        st.sampled_from([(WHEEL,), (WHEEL,), (VERSION,)]),
        st.integers(min_value=0, max_value=9),
        st.sampled_from([False] * 5 + [True]),
    ),
    min_size=1,
    max_size=4,
)
AGED = policy(LISTS | {"max_age": "8d"})


def generated_dossier(bills: list[Any]) -> Dossier:
    items = []
    for number, (expression, subjects, days, distrusted) in enumerate(bills):
        piece = attached(use(expression, A), name=f"e{number}", subjects=subjects, age=days * DAY)
        if expression == "torn":
            torn = {"facts": UnreadableFacts(where="$", problem="no", meant="sbom"), "predicate_type": SBOM_TYPE}
            piece = piece.model_copy(update=torn)
        items.append(piece.model_copy(update={"distrusted": distrusted}))
    return dossier(*items)


@generated(BILLS, st.integers(min_value=1, max_value=20), st.randoms(use_true_random=False))
def test_nothing_opens_but_the_absence_of_what_itself_denies(
    bills: list[Any], days: int, shuffler: random.Random
) -> None:
    held = generated_dossier(bills)
    before = judge(held, AGED)
    shuffled = shuffler.sample(held.items, len(held.items))
    assert judge(replace(held, items=tuple(shuffled)), AGED) == before
    older = tuple(one.model_copy(update={"made_at": one.made_at - days * DAY}) for one in held.items)
    if before.outcome is ALLOW:
        return
    assert judge(replace(held, items=older), AGED).outcome is not ALLOW
    for place, piece in enumerate(held.items):
        changed = tuple(one.model_copy(update={"distrusted": True}) if one is piece else one for one in held.items)
        assert judge(replace(held, items=changed), AGED).outcome is not ALLOW
        left = replace(held, items=tuple(one for one in held.items if one is not piece))
        if judge(left, AGED).outcome is ALLOW:
            assert bills[place][0] in ("torn", "GPL-2.0-only", "MPL-2.0") or piece.distrusted
