"""`composition`: types, numbers and coverage of what a version is made of."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.circumstances import Circumstances, ContainedVersion, WaivedSubject
from contracts.vocabulary import Artifact, Outcome
from shared.digests import sha256_digest
from shared.errors import Invalid
from shared.policy.dossier import Dossier
from shared.policy.policy import read_policy
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    VERSION,
    WHEEL,
    context_for,
    document,
    dossier,
    granted_waiver,
    item,
    judge,
    passed,
    policy,
    rule,
    rule_of,
    sbom,
    unreadable,
)

PAGE = (Path(__file__).parents[3] / "docs" / "rules" / "composition.md").read_text(encoding="utf-8")
PURLS = {WHEEL: "pkg:pypi/cart@1.0", IMAGE: "pkg:OCI/cart@sha256%3Aab"}
TYPES = rule("composition", artifact_types=["oci", "helm"])
INNER = ContainedVersion(application="lib", version="1", digest=sha256_digest(b"inner"), artifacts=(IMAGE,))


def made_of(*artifacts: str, items: Any = (), known: bool = True, **around: Any) -> Dossier:
    purls = tuple(Artifact(purl=PURLS.get(one, "pkg:oci/x"), digest=one) for one in sorted(artifacts)) if known else ()
    return dossier(*items, artifacts=artifacts, circumstances=Circumstances(artifacts=purls, **around))


def answer(written: dict[str, Any], held: Dossier) -> RuleAnswer:
    return check(rule_of(written), held, context_for(held))


def denied(given: RuleAnswer, says: str) -> None:
    assert (given.outcome, given.observed) == (Outcome.DENY, says)
    assert says in " ".join(PAGE.replace("> ", "").split())
    assert given.remedy


def test_every_artifact_has_an_accepted_type() -> None:
    assert answer(TYPES, made_of(IMAGE)).outcome is Outcome.ALLOW
    denied(answer(TYPES, made_of(IMAGE, WHEEL)), "Of another type than oci or helm: pkg:pypi/cart@1.0.")
    denied(answer(TYPES, made_of()), "The version has no artifact of its own, where oci or helm is asked for.")


def test_an_artifact_of_unknown_type_denies() -> None:
    given = answer(TYPES, made_of(IMAGE, known=False))
    assert (given.outcome, given.observed) == (
        Outcome.DENY,
        f"It is not known of what type these artifacts are: {IMAGE}.",
    )
    assert given.remedy in PAGE
    assert answer(rule("composition", max_artifacts=3), made_of(IMAGE, known=False)).outcome is Outcome.ALLOW


def test_numbers_of_artifacts_and_contained_versions() -> None:
    four = tuple(sha256_digest(str(n).encode()) for n in range(4))
    numbers = rule("composition", min_artifacts=1, max_artifacts=3)
    assert answer(numbers, made_of(*four[:3])).outcome is Outcome.ALLOW
    denied(answer(numbers, made_of(*four)), "The version has 4 artifact(s) where at most 3 are asked for.")
    few = answer(numbers, made_of())
    assert few.observed == "The version has 0 artifact(s) where at least 1 are asked for."
    nothing_inside = rule("composition", max_contained=0)
    assert answer(nothing_inside, made_of(IMAGE)).outcome is Outcome.ALLOW
    says = "The version has 1 contained version(s) where at most 0 are asked for."
    denied(answer(nothing_inside, made_of(WHEEL, contained=(INNER,))), says)
    denied(answer(nothing_inside, made_of(WHEEL, unknown=(INNER.digest,))), says)
    assert answer(rule("composition", max_contained=1), made_of(WHEEL, contained=(INNER,))).observed == (
        "The version has 1 artifact(s) and 1 contained version(s)."
    )


def test_every_artifact_is_covered_by_each_kind_that_is_asked_for() -> None:
    written = rule("composition", covered_by=["sbom", "https://in-toto.io/attestation/test-result/v0.1"])
    both = (item("e1", sbom()), item("e2", passed()))
    assert answer(written, made_of(WHEEL, IMAGE, items=both)).evidence == ("e1", "e2")
    missing = answer(written, made_of(WHEEL, items=both[:1]))
    assert (missing.outcome, missing.awaits) == (Outcome.PENDING, "https://in-toto.io/attestation/test-result/v0.1")
    torn = item("e3", unreadable(), age=timedelta(0))
    assert answer(written, made_of(WHEEL, items=(*both, torn))).outcome is Outcome.DENY
    assert answer(
        written, made_of(WHEEL, contained=(INNER,), items=(item("e1", sbom(), subjects=(WHEEL,)),))
    ).outcome is (Outcome.PENDING)


def test_individually_means_that_evidence_names_the_artifact() -> None:
    written = rule("composition", covered_by=["sbom"], individually=True)
    whole = item("e1", sbom(), subjects=(VERSION,))
    each = item("e2", sbom(), subjects=(WHEEL, IMAGE))
    assert answer(written, made_of(WHEEL, IMAGE, items=(whole,))).outcome is Outcome.PENDING
    assert answer(written, made_of(WHEEL, IMAGE, items=(whole, each))).evidence == ("e2",)
    only_wheel = item("e2", sbom(), subjects=(WHEEL,))
    assert answer(written, made_of(WHEEL, IMAGE, items=(whole, only_wheel))).outcome is Outcome.PENDING
    nested = made_of(WHEEL, contained=(INNER,), items=(only_wheel,))
    assert answer(written, nested).outcome is Outcome.PENDING
    assert answer(written, nested.with_item(item("e3", sbom(), subjects=(IMAGE,)))).outcome is Outcome.ALLOW


def test_evidence_has_the_right_signers_and_age_and_what_is_wrong_with_the_version_outweighs_it() -> None:
    written = rule("composition", covered_by=["sbom"], signer_role="build", max_age="7d", max_artifacts=1)
    good = item("e1", sbom(), role="build")
    given = answer(written, made_of(WHEEL, items=(good,)))
    assert (given.outcome, given.valid_until) == (Outcome.ALLOW, NOW + timedelta(days=7) - timedelta(hours=1))
    for change in ({"role": "test"}, {"role": "build", "age": timedelta(days=8)}, {"role": "build", "verified": False}):
        assert answer(written, made_of(WHEEL, items=(item("e1", sbom(), **change),))).outcome is Outcome.PENDING
    distrusted = good.model_copy(update={"distrusted": True})
    assert answer(written, made_of(WHEEL, items=(distrusted,))).outcome is Outcome.PENDING
    assert answer(written, made_of(WHEEL, IMAGE)).outcome is Outcome.DENY


def test_what_is_required_is_one_sentence() -> None:
    written = TYPES | {"max_artifacts": 3, "max_contained": 0, "covered_by": ["sbom"], "individually": True}
    assert answer(written, made_of(IMAGE)).required == (
        "Every artifact is of the type oci or helm; the version has at most 3 artifact(s) and at most 0 contained "
        "version(s); every artifact has verified sbom evidence that names the artifact itself."
    )


@pytest.mark.parametrize(
    ("subject", "passes"),
    [
        (WaivedSubject(artifact=WHEEL), True),
        (WaivedSubject(component=PURLS[WHEEL]), True),
        (WaivedSubject(artifact=VERSION), True),
        (WaivedSubject(artifact=IMAGE), False),
        (WaivedSubject(component="pkg:pypi/other"), False),
        (WaivedSubject(artifact=WHEEL, vulnerability="CVE-1"), False),
    ],
)
def test_a_waiver_covers_the_artifact_it_names(subject: WaivedSubject, *, passes: bool) -> None:
    granted = granted_waiver("composition", subject)
    held = made_of(WHEEL, IMAGE, waivers=(granted,))
    assert (judge(held, policy(TYPES)).outcome is Outcome.ALLOW) is passes
    assert judge(held, policy(TYPES | {"waivable": False})).outcome is Outcome.DENY
    assert judge(held, policy(TYPES | {"id": "other"})).outcome is Outcome.DENY


def test_the_order_of_artifacts_and_evidence_never_matters() -> None:
    written = policy(TYPES | {"covered_by": ["sbom", "tests"]})
    pieces = (item("e1", sbom(), subjects=(WHEEL,)), item("e2", passed()), item("e3", sbom(), subjects=(IMAGE,)))
    assert judge(made_of(WHEEL, IMAGE, items=pieces), written) == judge(
        made_of(IMAGE, WHEEL, items=tuple(reversed(pieces))), written
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "ask for `artifact_types`"),
        ({"artifact_types": []}, "artifact_types"),
        ({"artifact_types": ["OCI"]}, "artifact_types"),
        ({"min_artifacts": 0}, "min_artifacts"),
        ({"min_artifacts": 4, "max_artifacts": 3}, "nothing could ever pass"),
        ({"max_contained": -1}, "max_contained"),
        ({"covered_by": []}, "covered_by"),
        ({"covered_by": ["sboms"]}, "write a predicate type (a URI) or one of these kinds"),
        ({"covered_by": ["https://hallmark.dev/attestation/approval/v1"]}, "an approval can also be a refusal"),
        ({"max_artifacts": 3, "individually": True}, "go with `covered_by`"),
        ({"max_artifacts": 3, "max_age": "1d"}, "go with `covered_by`"),
    ],
)
def test_what_asks_for_nothing_or_cannot_hold_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(rule("composition", **fields)))
    assert raised.value.code == "policy_malformed"
    assert says in raised.value.message
