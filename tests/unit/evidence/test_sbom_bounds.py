"""Documents that are made to cost much: each is refused, and says which limit it is beyond."""

from __future__ import annotations

from typing import Any

import pytest

from services.evidence.domain.kinds import cyclonedx_schema, packages, sbom_xml
from services.evidence.domain.kinds.packages import Inventory
from services.evidence.domain.kinds.reading import UnreadableError
from shared.crypto import strict_json
from tests.unit.evidence.sbom_documents import CYCLONEDX, SPDX, a_bom, a_bom_in_xml, a_graph, an_spdx, facts, problem

pytestmark = pytest.mark.thorough


def test_a_hundred_thousand_components_are_read_and_no_more() -> None:
    listed: list[dict[str, Any]] = [{}] * packages.MAX_LISTED_COMPONENTS
    assert facts(CYCLONEDX, a_bom(*listed)).unidentified_count == packages.MAX_LISTED_COMPONENTS
    assert "100000 components" in problem(CYCLONEDX, a_bom(*listed, {})).problem


def test_slips_are_forgiven_up_to_a_limit() -> None:
    limit = cyclonedx_schema.MAX_SLIPS
    slips = [
        {"name": str(number), "components": [{"type": "library", "name": str(number), "unheard": 1}]}
        for number in range(limit + 1)
    ]
    assert facts(CYCLONEDX, a_bom(*slips[:limit])).listed_count == 2 * limit
    assert problem(CYCLONEDX, a_bom(*slips)).where == f"components.{limit}.components.0"


def test_nothing_is_forgiven_in_one_huge_value() -> None:
    tools = [{"name": "a", "unheard": 1}] * 50_000
    assert problem(CYCLONEDX, a_bom(metadata={"tools": tools})).where.startswith("metadata.tools")


def test_references_that_repeat_cost_no_more_than_others() -> None:
    component = '<component type="library" bom-ref="r"><name>a</name></component>'
    document = a_bom_in_xml(f"<components>{component * 20_000}</components>")
    assert facts(CYCLONEDX, document).unidentified_count == 20_000


def test_a_million_edges_are_kept_and_no_more() -> None:
    inventory = Inventory()
    inventory.add(["pkg:npm/a@1"], reference="a")
    for _ in range(1_000):
        inventory.relate("a", ["a"] * 1_000)
    assert inventory.components()[0].depends_on == ()
    with pytest.raises(UnreadableError, match="1000000 dependencies"):
        inventory.relate("a", ["a"])


def test_one_component_has_a_bounded_number_of_edges_and_licenses() -> None:
    inventory = Inventory()
    for number in range(packages.MAX_DEPENDS_ON + 2):
        inventory.add([f"pkg:npm/p{number}@1"], reference=str(number))
    inventory.relate("0", map(str, range(packages.MAX_DEPENDS_ON + 1)))
    assert len(inventory.components()[0].depends_on) == packages.MAX_DEPENDS_ON
    inventory.relate("0", [str(packages.MAX_DEPENDS_ON + 1)])
    with pytest.raises(UnreadableError, match="10000 components"):
        inventory.components()
    with pytest.raises(UnreadableError, match="1000 licences"):
        inventory.add(["pkg:npm/a@1"], licenses=map(str, range(packages.MAX_LICENSES + 1)))


def test_a_license_set_shared_by_many_packages_does_not_multiply() -> None:
    members = [f"urn:{number}" for number in range(packages.MAX_LICENSES)]
    shared = {
        "type": "expandedlicensing_ConjunctiveLicenseSet",
        "spdxId": "urn:set",
        "expandedlicensing_member": members,
    }
    count = packages.MAX_STATED_LICENSES // packages.MAX_LICENSES + 1
    elements = [{"type": "software_Package", "spdxId": f"urn:p{number}"} for number in range(count)]
    edges = [
        {"type": "Relationship", "from": one["spdxId"], "relationshipType": "hasDeclaredLicense", "to": ["urn:set"]}
        for one in elements
    ]
    assert "1000000 licences" in problem(SPDX, a_graph(shared, *elements, *edges)).problem


def test_long_texts_are_cut_or_refused() -> None:
    cut = Inventory()
    cut.add(["pkg:npm/a@1"], licenses=["x" * 5_000])
    assert cut.components()[0].licenses == ("x" * packages.MAX_LICENSE + "…",)
    assert "version" in problem(SPDX, an_spdx({"versionInfo": "1" * 2_000})).problem
    assert packages.canonical_purl("pkg:npm/" + "a" * 5_000_000) is None


@pytest.mark.parametrize(
    ("document", "limit"),
    [
        (a_bom_in_xml("<x:a xmlns:x='urn:x'/>" * (sbom_xml.MAX_NODES + 1)), f"{sbom_xml.MAX_NODES} elements"),
        (a_bom_in_xml("<a>" * 100_000), f"deeper than {sbom_xml.MAX_DEPTH}"),
        (
            "<bom " + " ".join(f"a{number}='1'" for number in range(sbom_xml.MAX_NODES)) + "/>",
            "elements and attributes",
        ),
    ],
    ids=["many", "deep", "attributes"],
)
def test_large_xml_is_refused_before_it_is_a_tree(document: str, limit: str) -> None:
    assert limit in problem(CYCLONEDX, document).problem


@pytest.mark.parametrize(
    ("document", "limit"),
    [
        ("spdxVersion:\n" + "- a\n" * (strict_json.MAX_VALUES + 1), f"{strict_json.MAX_VALUES} values"),
        ("spdxVersion: " + "[" * 100_000, f"deeper than {strict_json.MAX_DEPTH}"),
        ("SPDXVersion: SPDX-2.3\n" + "PackageName: a\n" * 100_001, "required"),
        ("SPDXVersion: <text>" + "\n" * 1_000_000, "</text>"),
        ("\n" * 5_000_000, "no SPDX version"),
    ],
    ids=["yaml-many", "yaml-deep", "tags", "text", "empty-lines"],
)
def test_large_texts_are_refused(document: str, limit: str) -> None:
    assert limit in problem(SPDX, document).problem
