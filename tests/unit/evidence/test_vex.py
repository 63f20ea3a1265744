from __future__ import annotations

from typing import Any

import pytest

from contracts.facts import MAX_LISTED, VexStatement
from services.evidence.domain import kinds
from tests.unit.evidence.report_builders import NOW, OPENVEX, OURS, facts_of, problem, vex

CYCLONEDX = "https://cyclonedx.org/bom"
AT = "2026-11-20T10:00:00Z"
LATER = "2026-11-21T10:00:00Z"


def says(status: str = "fixed", *products: Any, vulnerability: Any = "CVE-1", **fields: Any) -> dict[str, Any]:
    named = {"vulnerability": {"name": vulnerability} if isinstance(vulnerability, str) else vulnerability}
    return named | {"status": status, "products": [{"@id": one} for one in products]} | fields


def a_document(*statements: Any, **fields: Any) -> dict[str, Any]:
    head = {"@context": f"{OPENVEX}/v0.2.0", "author": "ada", "timestamp": AT, "version": 1}
    return head | {"statements": list(statements)} | fields


def brief(statements: tuple[VexStatement, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.vulnerability, one.status, tuple(product.id for product in one.products)) for one in statements]


def test_openvex_statements_inherit_the_time_and_may_speak_of_the_subjects() -> None:
    facts = vex(a_document(says("fixed", "pkg:PyPI/A@1", timestamp=LATER), says(vulnerability="CVE-2")))
    assert (facts.dialect, facts.spec_version, facts.author) == ("openvex", "0.2.0", "ada")
    assert brief(facts.statements) == [("CVE-1", "fixed", ("pkg:pypi/a@1",)), ("CVE-2", "fixed", ())]
    assert [one.made_at.day for one in facts.statements if one.made_at] == [21, 20]
    claimed = kinds.read(OPENVEX, a_document(says(timestamp=LATER)), NOW).claimed_at
    assert claimed is not None
    assert claimed.day == 21


def test_openvex_0_0_1_writes_plain_texts() -> None:
    statement = {"vulnerability": "CVE-1", "products": ["pkg:apk/wolfi/git@1"], "status": "under_investigation"}
    facts = vex({"@context": OPENVEX, "author": "a", "timestamp": AT, "version": "1", "statements": [statement]})
    assert facts.spec_version == "0.0.1"
    assert brief(facts.statements) == [("CVE-1", "under_investigation", ("pkg:apk/wolfi/git@1",))]


def test_openvex_of_statements_about_the_same_the_newest_counts() -> None:
    older = says("not_affected", "a", "b", justification="component_not_present", timestamp=AT)
    newer = says("affected", "a", action_statement="update", timestamp=LATER)
    for order in ([older, newer], [newer, older]):
        facts = vex(a_document(*order))
        assert brief(facts.statements) == [("CVE-1", "affected", ("a",)), ("CVE-1", "not_affected", ("b",))]
        assert (facts.counts["affected"], facts.counts["not_affected"]) == (1, 1)
    same_time = vex(a_document(says("fixed", "a"), says("under_investigation", "a")))
    assert brief(same_time.statements) == [("CVE-1", "under_investigation", ("a",))]


def test_openvex_a_later_word_about_a_part_leaves_the_other_parts() -> None:
    def part(*names: str, **fields: Any) -> dict[str, Any]:
        product = {"@id": "image", "subcomponents": [{"@id": name} for name in names]}
        return says(**fields) | {"products": [product]}

    facts = vex(a_document(part("x", "y"), part("x", timestamp=LATER, status="under_investigation")))
    parts = {one.status: one.products[0].subcomponents for one in facts.statements}
    assert parts == {"fixed": ("y",), "under_investigation": ("x",)}
    whole = vex(a_document(part("x"), says("under_investigation", "image", timestamp=LATER)))
    assert [one.status for one in whole.statements] == ["under_investigation"]


def test_openvex_products_are_named_by_purl_or_hash() -> None:
    product = {
        "@id": "https://example.com/a",
        "identifiers": {"purl": "pkg:npm/A@1"},
        "hashes": {"SHA-256": "AB", "sha512": "cd"},
    }
    facts = vex(a_document(says() | {"products": [product, {"hashes": {"sha-256": "ef"}}]}))
    first, second = facts.statements[0].products
    assert (first.id, first.digests) == ("pkg:npm/a@1", ("sha256:ab", "sha512:cd"))
    assert second.id == "sha256:ef"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (a_document(), "statements"),
        (a_document(says("not_affected")), "statements.0"),
        (a_document(says("affected")), "statements.0"),
        (a_document(says("safe")), "statements.0.status"),
        (a_document(says("not_affected", justification="trust_me")), "statements.0.justification"),
        (a_document(says(vulnerability="")), "statements.0.vulnerability.name"),
        (a_document(says() | {"products": [{}]}), "statements.0.products.0"),
        (a_document(says(), timestamp=None), "statements.0.timestamp"),
        (a_document(says(), timestamp="2026-11-20"), "timestamp"),
        (a_document(says(), author=""), "author"),
        (a_document(says()) | {"@context": "https://openvex.dev/ns/v9"}, "@context"),
        (a_document(says()) | {"@context": ""}, "@context"),
        ({"document": {"category": "csaf_vex"}}, "@context"),
    ],
)
def test_openvex_that_breaks_a_rule_is_unreadable(document: dict[str, Any], where: str) -> None:
    facts = problem(OPENVEX, document)
    assert (facts.where, facts.meant) == (where, "vex")


def test_openvex_explanations_are_kept() -> None:
    facts = vex(
        a_document(
            says("not_affected", impact_statement="not built in", justification=""),
            says("affected", vulnerability={"name": "CVE-2", "aliases": ["GHSA-1"]}, action_statement="update"),
        )
    )
    affected, safe = facts.statements
    assert (affected.action, affected.aliases, safe.impact, safe.justification) == (
        "update",
        ("GHSA-1",),
        "not built in",
        None,
    )


def test_vex_is_counted_whole_and_listed_in_part_with_the_affected_first() -> None:
    many = [says(vulnerability=f"CVE-{number}") for number in range(250)]
    facts = vex(a_document(*many, says("affected", vulnerability="Z", action_statement="x")))
    assert facts.counts == {"affected": 1, "under_investigation": 0, "fixed": 250, "not_affected": 0}
    assert (len(facts.statements), facts.statements[0].vulnerability) == (MAX_LISTED, "Z")


def a_bom(*found: Any, **fields: Any) -> dict[str, Any]:
    component = {"type": "application", "name": "me", "bom-ref": "me", "purl": "pkg:npm/me@1"}
    metadata = {"timestamp": AT, "component": component, "authors": [{"name": "ada"}]}
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": metadata}
    return head | {"vulnerabilities": list(found)} | fields


def analysed(name: str, state: str | None, *affects: Any, **analysis: Any) -> dict[str, Any]:
    stated = {"state": state} if state else {}
    return {"id": name, "analysis": stated | analysis, "affects": [{"ref": one} for one in affects]}


def test_cyclonedx_states_become_statuses_and_refs_products() -> None:
    document = a_bom(
        analysed("A", "exploitable", "me", detail="update to 2"),
        analysed("B", "in_triage", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg:npm/x@1"),
        analysed("C", "resolved_with_pedigree", "other"),
        analysed("D", "not_affected", justification="code_not_reachable"),
        analysed("E", "false_positive"),
        {"id": "F"},
    )
    facts = vex(document, CYCLONEDX)
    assert (facts.dialect, facts.spec_version, facts.author) == ("cyclonedx", "1.6", "ada")
    assert brief(facts.statements) == [
        ("A", "affected", ("pkg:npm/me@1",)),
        ("B", "under_investigation", ("pkg:npm/x@1",)),
        ("C", "fixed", ("other",)),
        ("D", "not_affected", ()),
        ("E", "not_affected", ()),
    ]
    assert facts.statements[0].action == "update to 2"
    assert facts.statements[3].justification == "vulnerable_code_not_in_execute_path"


def test_cyclonedx_versions_go_with_the_status_that_fits_them() -> None:
    versions = [{"version": "1"}, {"range": "vers:generic/>=2", "status": "unaffected"}]
    entry = {"ref": "me", "versions": versions}
    for state, expected in (("exploitable", ("1",)), ("resolved", ("vers:generic/>=2",))):
        found = analysed("A", state) | {"affects": [entry]}
        assert vex(a_bom(found), CYCLONEDX).statements[0].products[0].versions == expected


def test_a_cyclonedx_document_with_components_is_a_bill_of_materials() -> None:
    both = a_bom(analysed("A", "in_triage"), components=[{"type": "library", "name": "x", "purl": "pkg:npm/x@1"}])
    assert facts_of(CYCLONEDX, both).kind == "sbom"
    assert vex(both, f"{OURS}/cyclonedx-vex/v1").counts["under_investigation"] == 1
    assert facts_of(CYCLONEDX, a_bom({"id": "A"})).kind == "sbom"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (a_bom(analysed("A", None, detail="x")), "vulnerabilities.0.analysis.state"),
        (a_bom(analysed("A", "not_affected")), "vulnerabilities.0.analysis"),
        (a_bom(analysed("A", "unsure")), "vulnerabilities.0.analysis.state"),
        (a_bom(analysed("", "in_triage")), "vulnerabilities.0.id"),
        (a_bom(analysed("A", "in_triage"), specVersion="1.3"), "specVersion"),
    ],
)
def test_a_broken_cyclonedx_vex_is_unreadable_as_vex(document: dict[str, Any], where: str) -> None:
    facts = problem(CYCLONEDX, document)
    assert (facts.where, facts.meant) == (where, "vex")
