"""Evidence has one byte form, whatever it says."""

import tomllib
from pathlib import Path

from contracts.facts import EvidenceItem, FoundVulnerability, VulnerabilityFacts
from contracts.vocabulary import Severity
from deploy.examples import example_of
from shared.records import item_record, read_item, record_digest
from shared.version import VERSION

SCORED = VulnerabilityFacts(
    scanner="scan",
    counts={Severity.HIGH: 1},
    vulnerabilities=(FoundVulnerability(id="CVE-2026-1", severity=Severity.HIGH, score=7.5),),
)


def test_a_record_reads_back_as_the_item_fractions_included() -> None:
    item = example_of(EvidenceItem).model_copy(update={"facts": SCORED})
    assert read_item(item_record(item)) == item
    assert b'"score":"7.5"' in item_record(item)


def test_every_word_of_an_item_is_in_its_record() -> None:
    item = example_of(EvidenceItem)
    changed = [
        item.model_copy(update={"distrusted": not item.distrusted}),
        item.model_copy(update={"predicate_type": "other"}),
    ]
    assert len({record_digest(one) for one in (item, *changed)}) == 3


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
