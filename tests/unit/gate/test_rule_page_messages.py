"""What the pages of some rule kinds say people see is what people see."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.circumstances import Circumstances, IncidentFacts, StagePassage
from contracts.vocabulary import PromotionKind, SourceCommit
from shared.policy.policy import read_policy
from tests.unit.gate.gate_builders import NOW, dossier, failed, item, judge, passed

PAGES = Path(__file__).parents[3] / "docs" / "rules"


def passage(stage: str, days: int, *waivers: str) -> dict[str, Any]:
    at = NOW - timedelta(days=days)
    entered = StagePassage(
        kind=PromotionKind.PROMOTE,
        from_stage=None,
        to_stage=stage,
        release=False,
        at=at,
        promotion_id="p1",
        waivers=waivers,
    )
    return {"passed": (entered,)}


def source(branch: str | None, repository: str = "https://git.example.org/shop/cart") -> dict[str, Any]:
    return {"source": SourceCommit(repository=repository, commit="a" * 40, branch=branch)}


INCIDENT = IncidentFacts(incident_id="i1", version=None, opened_at=NOW)
SEEN: list[tuple[str, dict[str, Any]]] = [
    ("stage_passed", {}),
    ("stage_passed", passage("qa", 31)),
    ("stage_passed", passage("qa", 1, "w1")),
    ("soak", {}),
    ("soak", passage("staging", 1)),
    ("soak", passage("staging", 1) | {"incidents": (INCIDENT,)}),
    ("soak", passage("staging", 9) | {"current": {"staging": "1.1.0"}}),
    ("version_order", {"current": {"prod": "1.1.0"}}),
    ("version_order", {"current": {"prod": "nightly"}}),
    ("source_branch", {}),
    ("source_branch", source("wild")),
    ("source_branch", source(None)),
    ("source_branch", source("main", "https://elsewhere.example/shop")),
    ("any_of", {}),
    ("all_of", {}),
]


SEEN_AGAIN = [SEEN[9], *SEEN[12:]]


@pytest.mark.parametrize(("kind", "known"), SEEN)
def test_the_page_says_what_people_see(kind: str, known: dict[str, Any]) -> None:
    page = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    text = " ".join(page.replace("\\*", "*").split())
    [written] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    held = dossier(item("e1", failed()), circumstances=Circumstances(**known))
    if kind == "all_of":
        held = dossier(item("e1", passed()))
    finding = judge(held, read_policy(yaml.safe_load(written))).findings[0]
    shown = finding.parts[1] if kind == "all_of" else finding
    assert f"> {shown.observed}" in text
    # Remedies that the page leaves out repeat the one before; those of combined rules are of their parts.
    assert f"*{shown.remedy}*" in text or (kind, known) in SEEN_AGAIN
