"""Which findings VEX sets aside: whose, about what, and what takes it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.circumstances import ContainedVersion
from contracts.facts import MAX_LISTED, EvidenceItem, FoundVulnerability, UnreadableFacts, VexStatement
from contracts.vocabulary import Outcome
from tests.unit.gate.gate_builders import IMAGE, NOW, VERSION, WHEEL, judge, policy, signer
from tests.unit.gate.vulnerability_builders import (
    CART,
    DAY,
    LIB,
    VEX_TYPE,
    answer,
    exploited,
    found,
    held,
    limit,
    product,
    says,
    scanned,
    vex,
    waiver,
)

INNER, PART = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TERMS = {"signer_roles": ["security"], "authors": ["ada"]}
RESPECTS = limit(max={"high": 0}, exploited=0, vex=TERMS)
AFFECTED = says("affected")


def opens(*pieces: EvidenceItem, finding: FoundVulnerability | None = None, **circumstances: Any) -> bool:
    subject = held(scanned(finding or found()), *pieces, **circumstances)
    return answer(RESPECTS, subject).outcome is Outcome.ALLOW


def test_it_is_named_with_its_author_and_its_evidence() -> None:
    given = answer(RESPECTS, held(scanned(found(), found("CVE-2")), vex(says(), says(name="CVE-2"))))
    assert (given.outcome, given.evidence) == (Outcome.ALLOW, ("scan", "vex"))
    assert given.observed == f"Evidence of vulnerabilities covers {WHEEL}; 2 set aside by VEX of ada (CVE-1, CVE-2)."
    assert given.required == (
        "Every artifact has verified vulnerabilities evidence, that lists at most 0 high, 0 known to be exploited; "
        "VEX by ada signed in the role security sets findings aside."
    )
    denied = answer(RESPECTS, held(scanned(found(), found("CVE-2")), vex(says())))
    assert (denied.outcome, denied.evidence) == (Outcome.DENY, ("scan",))
    assert denied.observed == "scan lists 1 high where 0 are tolerated (CVE-2)."
    assert [one.vulnerability for one in denied.violations] == ["CVE-2"]
    assert "attach VEX, signed in the role security, for what does not matter" in denied.remedy


def test_what_is_set_aside_counts_against_no_limit() -> None:
    assert opens(vex(says()), exploitation=exploited("CVE-1"))


@pytest.mark.parametrize(
    ("piece", "passes"),
    [
        (vex(says()), True),
        (vex(says("fixed")), True),
        (vex(says(name="cve-1")), True),
        (vex(says(name="GHSA-1")), True),
        (vex(says(name="GO-1", aliases=("GHSA-1",))), True),
        (vex(says(name="CVE-2")), False),
        (vex(says("under_investigation")), False),
        (vex(says(), author="eve"), False),
        (vex(says(), role="build"), False),
        (vex(says(), signers=()), False),
        (vex(says(), verified=False), False),
        (vex(says(), distrusted=True), False),
        (vex(says(), signers=(signer("security").model_copy(update={"distrusted": True}), signer("build"))), False),
        (vex(says(), subjects=(IMAGE,)), False),
        (vex(says(), subjects=(VERSION,)), True),
    ],
)
def test_only_what_somebody_who_may_say_so_says_about_it_counts(piece: EvidenceItem, passes: bool) -> None:
    assert opens(piece, finding=found(aliases=("GHSA-1",))) is passes


def test_without_terms_nobody_is_respected_and_without_authors_everybody_in_the_role() -> None:
    subject = held(scanned(found()), vex(says(), author="eve"))
    assert answer(limit(max={"high": 0}), subject).outcome is Outcome.DENY
    anyone = limit(max={"high": 0}, vex={"signer_roles": ["security"]})
    assert answer(anyone, subject).outcome is Outcome.ALLOW
    fixed_only = limit(max={"high": 0}, vex={"signer_roles": ["security"], "statuses": ["fixed"]})
    assert answer(fixed_only, subject).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("named", "passes"),
    [
        (product(WHEEL), True),
        (product("pkg:oci/anything", digests=(WHEEL,)), True),
        (product("pkg:oci/cart@" + WHEEL.replace(":", "%3A")), True),
        (product(VERSION), True),
        (product(IMAGE), False),
        (product(CART), True),
        (product("pkg:oci/cart"), True),
        (product("pkg:oci/cart@2.0.0"), False),
        (product("pkg:oci/cart?arch=arm64"), False),
        (product("pkg:oci/other"), False),
        (product("cart"), False),
        (product(LIB), True),
        (product("pkg:npm/lib"), True),
        (product("pkg:npm/lib@1.3.0"), False),
        (product(CART, LIB), True),
        (product(CART, "pkg:npm/lib"), True),
        (product(WHEEL, LIB), True),
        (product(CART, "pkg:npm/other"), False),
        (product("pkg:oci/other", LIB), False),
        (product(LIB, "pkg:npm/inner"), False),
        (product("pkg:oci/cart", versions=("1.0.0",)), True),
        (product("pkg:oci/cart", versions=("2.0.0",)), False),
        (product("pkg:oci/cart", versions=("vers:oci/>=1.0.0",)), False),
        (product(WHEEL, versions=("2.0.0",)), False),
    ],
)
def test_it_speaks_of_products_by_digest_and_package_url(named: Any, passes: bool) -> None:
    assert opens(vex(says(products=(named,)))) is passes


def test_a_part_clears_nothing_where_the_component_is_not_known() -> None:
    assert not opens(vex(says(products=(product(CART, LIB),))), finding=found(purl=None))
    assert opens(vex(says(products=(product(CART),))), finding=found(purl=None))


def test_a_scan_of_the_whole_version_needs_every_artifact_cleared() -> None:
    purls = {WHEEL: CART, IMAGE: "pkg:pypi/cart@1"}
    scan = scanned(found(), subjects=(VERSION,))
    one, both = vex(says(products=(product(CART),))), vex(says(products=(product(CART), product("pkg:pypi/cart"))))
    for piece, outcome in (
        (one, Outcome.DENY),
        (both, Outcome.ALLOW),
        (vex(says(), subjects=(WHEEL,)), Outcome.DENY),
        (vex(says(), subjects=(VERSION,)), Outcome.ALLOW),
    ):
        assert answer(RESPECTS, held(scan, piece, purls=purls)).outcome is outcome
    back = vex(AFFECTED, name="back", subjects=(IMAGE,), age=timedelta(0))
    assert answer(RESPECTS, held(scan, both, back, purls=purls)).outcome is Outcome.DENY, "it is in the version"
    apart = scanned(found()), scanned(name="clean", subjects=(IMAGE,)), vex(says(), subjects=(VERSION,))
    assert answer(RESPECTS, held(*apart, back, purls=purls)).outcome is Outcome.ALLOW, "it is about the other one"


def test_nested_versions_are_cleared_by_their_own_and_the_outer_versions_digest() -> None:
    contained = (ContainedVersion(application="lib", version="1", digest=INNER, artifacts=(PART,)),)
    scans = (scanned(name="s1"), scanned(found(), name="s2", subjects=(PART,)))
    for subject, outcome in (
        (PART, Outcome.ALLOW),
        (INNER, Outcome.ALLOW),
        (VERSION, Outcome.ALLOW),
        (WHEEL, Outcome.DENY),
    ):
        whole = held(*scans, vex(says(), subjects=(subject,)), contained=contained)
        assert answer(RESPECTS, whole).outcome is outcome
    back = vex(says("affected", products=(product("pkg:npm/inner"),)), name="z", age=timedelta(0))
    whole = held(*scans, vex(says(), subjects=(PART,)), back, contained=contained)
    assert answer(RESPECTS, whole).outcome is Outcome.DENY, "it may be the nested one, whose package URL is not known"


@pytest.mark.parametrize("status", ["affected", "under_investigation"])
def test_a_newer_statement_takes_it_back_and_a_newer_one_still_sets_aside_again(status: Any) -> None:
    first, second = vex(says(), age=3 * DAY), vex(says(status), name="v2", age=2 * DAY)
    third = vex(says("fixed"), name="v3", age=DAY)
    assert opens(first)
    assert not opens(first, second)
    assert opens(first, second, third)
    assert opens(first, second.model_copy(update={"signers": (signer("build"),)}))
    assert not opens(first, second.model_copy(update={"distrusted": True})), "distrust takes no denial away"


def test_where_the_newest_is_distrusted_no_older_one_takes_its_place() -> None:
    assert not opens(vex(says(), age=2 * DAY), vex(says(), name="v2", age=DAY, distrusted=True))
    assert opens(vex(says(), name="v2", age=2 * DAY, distrusted=True), vex(says(), age=DAY))


def test_statements_are_ordered_by_their_own_time_which_is_not_later_than_their_evidence() -> None:
    cleared = vex(says(made_at=NOW - 3 * DAY), age=timedelta(hours=1))
    assert not opens(cleared, vex(says("affected", made_at=NOW - 2 * DAY), name="a", age=timedelta(hours=9)))
    future = vex(says(made_at=NOW + 900 * DAY), age=3 * DAY)
    assert not opens(future, vex(AFFECTED, name="a", age=2 * DAY)), "it can be taken back in spite of its time"
    same = vex(says("affected", products=(product(CART),)), says(products=(product(LIB),)))
    assert not opens(same), "within one document the worse one holds"


@pytest.mark.parametrize(
    ("named", "takes_back"),
    [
        (product(CART), True),
        (product("pkg:oci/cart@2.0.0"), False),
        (product("pkg:oci/cart", versions=("vers:oci/*",)), True),
        (product("pkg:oci/other"), False),
        (product("pkg:npm/lib"), True),
        (product(CART, "pkg:npm/other"), False),
        (product("some name"), True),
        (product(IMAGE), False),
        (product("some name", digests=(IMAGE,)), False),
        (product("some name", digests=(WHEEL,)), True),
        (product("some name", digests=("sha512:12",)), True),
    ],
)
def test_what_may_speak_of_it_takes_it_back(named: Any, takes_back: bool) -> None:
    later = vex(says("affected", products=(named,)), name="later", age=timedelta(0))
    assert opens(vex(says()), later) is not takes_back


def test_a_cut_list_of_products_may_name_anything() -> None:
    others = tuple(product(f"pkg:oci/other-{number}") for number in range(MAX_LISTED))
    assert not opens(vex(says()), vex(says("affected", products=others), name="later", age=timedelta(0)))
    assert opens(vex(says()), vex(says("affected", products=others[1:]), name="later", age=timedelta(0)))


def test_what_cannot_be_read_or_is_not_listed_may_take_everything_back() -> None:
    torn = vex(says(), name="torn", age=DAY).model_copy(
        update={"facts": UnreadableFacts(where="$", problem="no", meant="vex"), "predicate_type": VEX_TYPE}
    )
    cut = vex(says(name="CVE-9"), name="cut", age=DAY, counts={"not_affected": 1, "affected": 1})
    for hidden in (torn, cut):
        assert not opens(vex(says(), age=2 * DAY), hidden)
        assert opens(vex(says(), age=timedelta(hours=1)), hidden)
    assert not opens(vex(says(), counts={"not_affected": 1, "affected": 1}))
    assert opens(vex(says(), counts={"not_affected": 9})), "those that clear are not missed"


def test_vex_is_no_waiver_and_a_waiver_no_vex() -> None:
    given = judge(held(scanned(found()), vex(says())), policy(RESPECTS | {"waivable": False}))
    assert (given.outcome, given.waivers, given.findings[0].waived) == (Outcome.ALLOW, (), ())
    known = (waiver(vulnerability="CVE-1"),)
    both = judge(held(scanned(found()), vex(says()), waivers=known), policy(RESPECTS))
    assert (both.findings[0].outcome, both.findings[0].waived) == (Outcome.ALLOW, ())
    back = judge(held(scanned(found()), vex(AFFECTED), waivers=known), policy(RESPECTS))
    assert (back.findings[0].outcome, back.findings[0].waived) == (Outcome.DENY, ("w1",))


def test_a_statement_may_be_anything_that_evidence_can_carry() -> None:
    odd: list[VexStatement] = [
        says(
            products=(product("pkg:"), product("pkg:x/")),
        ),
        says(products=(product(""),)),
    ]
    assert not opens(vex(*odd))
