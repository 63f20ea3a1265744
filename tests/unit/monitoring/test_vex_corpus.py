"""OpenVEX of others, as the rule that takes flaws away understands it; needs the corpus (HALLMARK_CORPUS says where).

What is refused is named here, and explained in docs/architecture/advisories.md.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.facts import EvidenceItem, Signer, VexProduct, VexStatement
from contracts.vocabulary import Severity
from services.evidence.domain import kinds
from services.monitoring.domain.matching import Match
from services.monitoring.domain.vex import Excuse, VexItem, excuse_for
from services.monitoring.wire_vex import vex_item
from shared.digests import sha256_digest
from shared.policy.rules.vex_products import Place
from tests.support.counts import say

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
VEX = CORPUS / "08-openvex" / "give"
pytestmark = pytest.mark.skipif(not VEX.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
OPENVEX = "https://openvex.dev/ns"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
IMAGE = sha256_digest(b"image")
CSAF = {"go-vex/testdata__csaf.json", "guac/rhsa-csaf.json"}
REFUSED = CSAF | {"guac/open-vex-affected.json"}
"""Two are CSAF; of one the @context is empty, so that nothing says in which words it speaks."""
OF_ANOTHER_TYPE = "spec-examples/attesting-03.json"
"""An in-toto statement of type `text/vex`, which nobody reads; its predicate is OpenVEX."""

OF_THE_SUBJECT = VexProduct(id="pkg:generic/part@1")
"""Any part of the image: a statement that names no product speaks of all of them."""


def documents() -> dict[str, dict[str, Any]]:
    names = json.loads((VEX / "schema-verdicts.json").read_bytes())
    return {name: json.loads((VEX / name).read_bytes()) for name in names}


def believed(document: dict[str, Any], predicate_type: str = OPENVEX, *, at: datetime = NOW) -> VexItem | None:
    """What monitoring makes of it as evidence about an image, by a signer who may speak of VEX."""
    digest = sha256_digest(json.dumps(document).encode())
    item = EvidenceItem(
        evidence_id=digest,
        content_digest=digest,
        predicate_type=predicate_type,
        subjects=(IMAGE,),
        verified=True,
        signers=(Signer(key_id=sha256_digest(b"key"), trust_root="security", role="security"),),
        made_at=at,
        received_at=at,
        facts=kinds.read(predicate_type, document, at).facts,
    )
    return vex_item(item)


def understood() -> dict[str, VexItem]:
    found = {name: believed(document.get("predicate", document)) for name, document in documents().items()}
    return {name: item for name, item in found.items() if item is not None and not item.hides}


def excuse(statement: VexStatement, product: VexProduct, *known: VexItem, version: str = "") -> Excuse | None:
    """Why the flaw that a statement names does not count in the part of the product that it names."""
    component = f"{(product.subcomponents or (product.id,))[0].partition('@')[0]}@{version}" if version else None
    component = component or (product.subcomponents or (product.id,))[0]
    flaw = Match(
        advisory_id=statement.vulnerability,
        aliases=statement.aliases,
        component=component,
        severity=Severity.HIGH,
        fixed_in=None,
    )
    artifact = product.id if product.subcomponents else "pkg:oci/image@1"
    place = Place(frozenset({IMAGE}), frozenset({IMAGE}), frozenset({artifact}), component)
    return excuse_for(flaw, (place,), known)


def test_every_document_is_understood_or_refused_for_a_reason_that_is_written_down() -> None:
    count = Counter("understood" if name in understood() else "refused" for name in documents())
    say("OpenVEX in monitoring", dict(count))
    assert count == {"understood": 11, "refused": 3}
    assert documents().keys() - understood().keys() == REFUSED
    statement = documents()[OF_ANOTHER_TYPE]
    assert believed(statement["predicate"], statement["predicateType"]) is None


def test_every_statement_takes_away_what_it_excuses_and_nothing_beside_it() -> None:
    outcomes: Counter[str] = Counter()
    for name, item in understood().items():
        for statement in item.statements:
            for product in statement.products or (OF_THE_SUBJECT,):
                found = excuse(statement, product, item)
                outcomes[statement.status] += 1
                assert (found is not None) is (statement.status in {"fixed", "not_affected"}), (name, statement)
                assert (
                    excuse(statement.model_copy(update={"vulnerability": "CVE-1", "aliases": ()}), product, item)
                    is None
                )
                if found:
                    assert (found.status, found.justification) == (statement.status, statement.justification)
                    assert found.said_at == statement.made_at
                    another_version = excuse(statement, product, item, version="0.0.1")
                    assert (another_version is None) is bool(statement.products), (name, statement)
    say("OpenVEX statements in monitoring, by product", dict(outcomes))
    assert outcomes == {"fixed": 12, "not_affected": 4, "under_investigation": 2}


def test_an_alias_of_a_statement_is_as_good_as_its_name() -> None:
    item = understood()["vexctl/sarif__sample-history.openvex.json"]
    [statement] = item.statements
    assert statement.aliases
    by_alias = statement.model_copy(update={"vulnerability": statement.aliases[0], "aliases": ()})
    assert excuse(by_alias, statement.products[0], item)


def test_what_is_refused_excuses_nothing_and_may_take_back_everything_older() -> None:
    older = understood()["vexctl/openvex__demo.vex.json"]
    [statement] = older.statements
    assert excuse(statement, statement.products[0], older)
    for name in REFUSED:
        newer = believed(documents()[name], at=NOW + timedelta(days=1))
        assert newer is not None, name
        assert (newer.statements, newer.hides) == ((), True), name
        assert excuse(statement, statement.products[0], older, newer) is None, name
