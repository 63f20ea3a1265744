"""`provenance`: pairs of signer and builder, levels, and the source."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.circumstances import Circumstances, ContainedVersion, WaivedSubject
from contracts.facts import EvidenceItem, Facts, ProvenanceFacts, UnreadableFacts
from contracts.vocabulary import Outcome, SourceCommit
from shared.errors import Invalid
from shared.policy.policy import read_policy
from shared.policy.rules import RuleAnswer, check
from shared.policy.rules.repositories import named_by, reference_matches, repository, repository_pattern
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
    policy,
    provenance,
    rule,
    rule_of,
    signer,
)

PAGE = (Path(__file__).parents[3] / "docs" / "rules" / "provenance.md").read_text(encoding="utf-8")
RUNNER = "https://builder.example/runner@v1"
PLAIN = rule("provenance", builders=[{"id": RUNNER}])
PAIRS = rule(
    "provenance",
    min_level=2,
    builders=[{"id": RUNNER, "signer_role": "build", "level": 2}, {"id": RUNNER, "signer_role": "ci", "level": 1}],
)
SOURCE = SourceCommit(repository="git@git.example:acme/shop.git", commit="c" * 40)


def proof(name: str = "prov-1", *, age: timedelta = timedelta(hours=1), **facts: Any) -> EvidenceItem:
    return item(name, provenance(**facts), role="build", age=age)


def answer(written: dict[str, Any], *items: EvidenceItem, source: SourceCommit | None = None) -> RuleAnswer:
    held = dossier(*items, circumstances=Circumstances(source=source))
    return check(rule_of(written), held, context_for(held))


def plain(text: str) -> str:
    return " ".join(text.replace("> ", "").replace("*Build", "Build").replace("*Register", "Register").split())


def test_an_accepted_builder_allows_and_another_one_denies() -> None:
    assert answer(PLAIN, proof()).outcome is Outcome.ALLOW
    refs = PLAIN | {"source_refs": ["refs/heads/main"]}
    bad = answer(refs, proof(builder_id="https://elsewhere.example", source_ref="refs/heads/try"))
    assert (bad.outcome, bad.evidence) == (Outcome.DENY, ("prov-1",))
    assert bad.observed == (
        "prov-1 names the builder https://elsewhere.example, which is not accepted; "
        "names the branch or tag refs/heads/try, which is not accepted."
    )
    assert bad.observed in plain(PAGE)
    assert bad.remedy in plain(PAGE)
    assert len(bad.violations) == 2
    for near in (RUNNER + "0", RUNNER.upper(), RUNNER[:-1]):
        assert answer(PLAIN, proof(builder_id=near)).outcome is Outcome.DENY
    family = rule("provenance", builders=[{"id": "https://builder.example/*"}])
    assert answer(family, proof(builder_id=RUNNER + "0")).outcome is Outcome.ALLOW


def test_22_a_key_of_one_builder_cannot_speak_for_another() -> None:
    foreign = proof().model_copy(update={"signers": (signer("test"),)})
    given = answer(PAIRS, foreign)
    assert given.outcome is Outcome.DENY
    assert given.observed == f"prov-1 names the builder {RUNNER}, but nobody who may speak for it signed."
    assert given.observed in plain(PAGE)
    weak = answer(PAIRS, proof().model_copy(update={"signers": (signer("ci"),)}))
    assert weak.outcome is Outcome.DENY
    assert weak.observed == f"prov-1 names the builder {RUNNER}, which is trusted for level 1 only."
    assert weak.observed in plain(PAGE)
    assert answer(PAIRS, proof()).outcome is Outcome.ALLOW


def test_a_distrusted_signer_for_the_builder_is_not_replaced_by_a_trusted_one_of_another_role() -> None:
    lost = signer("build").model_copy(update={"distrusted": True})
    halves = proof().model_copy(update={"signers": (lost, signer("ci")), "revision": 1})
    given = answer(PAIRS, halves)
    assert (given.outcome, given.awaits) == (Outcome.PENDING, "provenance")
    assert "not trusted any more: prov-1" in given.observed
    assert answer(PAIRS | {"min_level": 1}, halves).outcome is Outcome.ALLOW
    assert answer(PAIRS, halves.model_copy(update={"signers": (lost, signer("build", "k2"))})).outcome is Outcome.ALLOW


def test_the_source_must_be_named_and_accepted() -> None:
    written = PLAIN | {"source_repositories": ["https://git.example/acme/*"], "source_refs": ["refs/tags/v*"]}
    good: dict[str, Any] = {"source_ref": "refs/tags/v1.2"}
    assert answer(written, proof(**good)).outcome is Outcome.ALLOW
    for bad in (
        {"source_repository": "https://git.example/acme-evil/shop"},
        {"source_repository": "https://git.example/acme/../evil/shop"},
        {"source_ref": "refs/heads/v1"},
        {"source_ref": None},
    ):
        assert answer(written, proof(**(good | bad))).outcome is Outcome.DENY, bad
    unnamed = answer(written, proof(**good, source_repository=None, source_commit=None))
    assert (unnamed.outcome, unnamed.observed) == (Outcome.DENY, "prov-1 names no source repository.")
    assert unnamed.observed in plain(PAGE)


def test_the_commit_is_that_of_the_version() -> None:
    written = PLAIN | {"same_commit": True}
    assert answer(written, proof(), source=SOURCE).outcome is Outcome.ALLOW
    other = answer(written, proof(source_commit="d" * 40), source=SOURCE)
    assert (other.outcome, other.observed) == (
        Outcome.DENY,
        f"prov-1 names {'d' * 40}, and the version {'c' * 40}.",
    )
    assert answer(written, proof(source_repository="https://git.example/acme/fork"), source=SOURCE).observed == (
        f"prov-1 names https://git.example/acme/fork, and the version {SOURCE.repository}."
    )
    assert answer(written, proof(source_commit=None, source_repository=None), source=SOURCE).outcome is Outcome.DENY
    short = SOURCE.model_copy(update={"commit": "c" * 12})
    assert answer(written, proof(), source=short).outcome is Outcome.DENY
    same_text = SOURCE.model_copy(update={"repository": "not an address"})
    assert answer(written, proof(source_repository="not an address"), source=same_text).outcome is Outcome.DENY


def test_a_version_without_a_commit_denies_with_what_to_do() -> None:
    for items in ((proof(),), ()):
        given = answer(PLAIN | {"same_commit": True}, *items)
        assert given.outcome is Outcome.DENY
        assert given.observed == "The version was registered without the commit that it was built from."
        assert given.observed in plain(PAGE)
        assert given.remedy in plain(PAGE)
        assert given.violations[0].artifact == VERSION


def test_unreadable_denies_and_missing_old_or_unverified_is_pending() -> None:
    torn = item("e2", UnreadableFacts(where="x", problem="y", meant="provenance"), age=timedelta(0))
    assert answer(PLAIN, proof(), torn).outcome is Outcome.DENY
    missing = answer(PLAIN)
    assert (missing.outcome, missing.awaits) == (Outcome.PENDING, "provenance")
    assert answer(PLAIN, proof().model_copy(update={"verified": False, "signers": ()})) == missing
    assert answer(PLAIN, proof().model_copy(update={"subjects": (IMAGE,)})) == missing
    aged = PLAIN | {"max_age": "1d"}
    assert answer(aged, proof(age=timedelta(days=2))).outcome is Outcome.PENDING
    assert answer(aged, proof(age=timedelta(days=2), builder_id="x")).outcome is Outcome.DENY
    assert answer(aged, proof()).valid_until == NOW + timedelta(hours=23)


def test_what_is_required_is_one_sentence() -> None:
    written = PAIRS | {"source_repositories": ["https://git.example/acme/*"], "same_commit": True, "max_age": "7d"}
    assert answer(written).required == (
        f"Every artifact has verified provenance evidence, at most 7d old, by {RUNNER} at SLSA Build level 2 or "
        "above, from https://git.example/acme/*, built from the commit of the version."
    )


@pytest.mark.parametrize(
    ("subject", "passes"),
    [
        (WaivedSubject(artifact=WHEEL), True),
        (WaivedSubject(artifact=VERSION), True),
        (WaivedSubject(artifact=IMAGE), False),
        (WaivedSubject(vulnerability="CVE-1"), False),
    ],
)
def test_a_waiver_for_the_artifact_covers_a_foreign_builder(subject: WaivedSubject, *, passes: bool) -> None:
    granted = granted_waiver("provenance", subject)
    bad = proof(builder_id="x").model_copy(update={"subjects": (WHEEL,)})
    held = dossier(bad, circumstances=Circumstances(waivers=(granted,)))
    assert (judge(held, policy(PLAIN)).outcome is Outcome.ALLOW) is passes


def test_the_artifacts_of_contained_versions_need_provenance_too() -> None:
    inner = ContainedVersion(application="lib", version="1", digest="sha256:" + "a" * 64, artifacts=(IMAGE,))
    around = Circumstances(contained=(inner,))
    wheel = proof().model_copy(update={"subjects": (WHEEL,)})
    image = proof("prov-2").model_copy(update={"subjects": (IMAGE,)})
    rules = policy(PLAIN)
    assert judge(dossier(wheel, circumstances=around), rules).outcome is Outcome.PENDING
    assert judge(dossier(wheel, image, circumstances=around), rules).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "builders"),
        ({"builders": []}, "builders"),
        ({"builders": [{"id": "*"}]}, "named exactly"),
        ({"builders": [{"id": "a*b"}]}, "named exactly"),
        ({"builders": [{"id": "a", "level": 4}]}, "level"),
        ({"builders": [{"id": "a", "level": 1}], "min_level": 2}, "none of the builders is trusted for level 2"),
        ({"builders": [{"id": "a"}], "source_repositories": []}, "source_repositories"),
        ({"builders": [{"id": "a"}], "source_repositories": ["*"]}, "write a repository as"),
        ({"builders": [{"id": "a"}], "source_repositories": ["https://git.example*"]}, "write a repository as"),
        ({"builders": [{"id": "a"}], "source_repositories": ["https://git.example/a/../b"]}, "write a repository as"),
        ({"builders": [{"id": "a"}], "source_refs": [""]}, "source_refs"),
    ],
)
def test_a_rule_that_could_not_hold_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(rule("provenance", **fields)))
    assert raised.value.code == "policy_malformed"
    assert says in raised.value.message


def test_a_misspelt_field_of_a_builder_is_answered_with_the_nearest() -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(rule("provenance", builders=[{"id": "a", "signer_rol": "x"}])))
    assert (raised.value.code, "`signer_role`" in raised.value.remedy) == ("policy_field_unknown", True)


@pytest.mark.parametrize(
    "spelling",
    [
        "https://h.example/o/r",
        "git+https://h.example/o/r",
        "GIT+HTTPS://H.example/o/r",
        "https://h.example/o/r.git",
        "https://h.example/o/r.git/",
        "https://h.example:443/o/r",
        "git@h.example:o/r.git",
        "ssh://git@h.example/o/r",
        "ssh://git@h.example:22/o/r",
        "git+ssh://git@h.example/o/r.git",
    ],
)
def test_spellings_of_one_address(spelling: str) -> None:
    assert repository(spelling) == "https://h.example/o/r"


@pytest.mark.parametrize(
    "other",
    [
        "http://h.example/o/r",
        "git://h.example/o/r",
        "https://h.example/o/R",
        "https://h.example:8443/o/r",
        "https://ada@h.example/o/r",
        "ssh://ada@h.example/o/r",
        "ssh://git@h.example:2222/o/r",
        "https://h.example/o/r/x",
        "https://h.example@evil.example/o/r",
    ],
)
def test_another_address_stays_another(other: str) -> None:
    assert repository(other) not in {None, "https://h.example/o/r"}


@pytest.mark.parametrize(
    "doubtful",
    [
        "",
        "h.example/o/r",
        "https:///o/r",
        "https://h.example/o/../r",
        "https://h.example/o/%2e%2e/r",
        "https://h.example/o//r",
        "https://h.example/o/r?x",
        "https://h.example/o/r#x",
        "https://h.example\\@evil/o/r",
        "https://h.example/o/r\n",
    ],
)
def test_a_doubtful_address_is_not_compared(doubtful: str) -> None:
    assert repository(doubtful) is None
    assert repository_pattern(doubtful + "*") is None


def test_patterns_name_beginnings() -> None:
    pattern = repository_pattern("git@h.example:acme/*")
    assert pattern == "https://h.example/acme/*"
    assert named_by("https://h.example/acme/r", (pattern,))
    assert not named_by("https://h.example/acme", (pattern,))


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("refs/heads/main", ["refs/heads/main"], ["refs/heads/main2", "main", ""]),
        ("refs/tags/v*", ["refs/tags/v", "refs/tags/v1/x"], ["refs/tags/w1", "xrefs/tags/v1"]),
        ("refs/*/release-*", ["refs/heads/release-1", "refs/a/b/release-"], ["refs/release-1", "refs/heads/release"]),
        ("*a*a", ["aa", "xaya"], ["a", "ab"]),
        ("a*a", ["aa"], ["a"]),
        ("v[0-9]", ["v[0-9]"], ["v1"]),
    ],
)
def test_references_match_by_stars_alone(pattern: str, matching: list[str], other: list[str]) -> None:
    assert all(reference_matches(one, pattern) for one in matching)
    assert not any(reference_matches(one, pattern) for one in other)


_GOOD = policy(PAIRS | {"source_refs": ["refs/heads/main"], "max_age": "7d"})
_FACTS: st.SearchStrategy[Facts] = st.sampled_from(
    [
        provenance(),
        provenance(),
        provenance(builder_id="x"),
        provenance(source_ref=None),
        UnreadableFacts(where="x", problem="y", meant="provenance"),
    ]
)


@st.composite
def pieces(draw: st.DrawFn) -> list[EvidenceItem]:
    return [
        item(
            f"e{n}",
            draw(_FACTS),
            predicate_type="https://slsa.dev/provenance/v1",
            signers=tuple(signer(role) for role in draw(st.sampled_from([("build",), ("build", "ci"), ("ci",)]))),
            subjects=draw(st.sampled_from([(VERSION,), (WHEEL,), (IMAGE,), (WHEEL, IMAGE)])),
            age=timedelta(days=draw(st.integers(min_value=1, max_value=9))),
            distrusted=draw(st.sampled_from([False] * 5 + [True])),
        )
        for n in range(draw(st.integers(min_value=0, max_value=6)))
    ]


def denies(piece: EvidenceItem) -> bool:
    good = piece.facts == provenance() and any(one.role == "build" for one in piece.signers)
    return not isinstance(piece.facts, ProvenanceFacts) or not good or piece.distrusted


@pytest.mark.thorough
@given(pieces(), st.randoms(use_true_random=False))
def test_no_withholding_distrust_age_or_order_opens(held: list[EvidenceItem], shuffler: random.Random) -> None:
    whole = dossier(*held, artifacts=(WHEEL, IMAGE))
    before = judge(whole, _GOOD)
    shuffled = shuffler.sample(held, len(held))
    assert judge(replace(whole, items=tuple(shuffled)), _GOOD) == before
    for piece in held:
        left = tuple(one for one in held if one is not piece)
        lost = tuple(one.model_copy(update={"distrusted": True}) for one in piece.signers)
        doubted = piece.model_copy(update={"distrusted": True, "signers": lost})
        if before.outcome is not Outcome.ALLOW:
            if not denies(piece):
                assert judge(replace(whole, items=left), _GOOD).outcome is not Outcome.ALLOW
            assert judge(replace(whole, items=(*left, doubted)), _GOOD).outcome is not Outcome.ALLOW
    aged = tuple(one.model_copy(update={"made_at": one.made_at - timedelta(days=3)}) for one in held)
    after = judge(replace(whole, items=aged), _GOOD)
    assert (before.outcome is Outcome.DENY) == (after.outcome is Outcome.DENY)
    assert not (before.outcome is Outcome.PENDING and after.outcome is Outcome.ALLOW)
