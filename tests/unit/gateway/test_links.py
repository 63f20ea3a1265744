"""Where the console shows what a fact speaks of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.gateway.links import address, address_of, application, of_fact, thing, version, with_page

EXAMPLES = Path(__file__).resolve().parents[3] / "contracts/examples"
SHOP = "https://hallmark.example.org"
PROMOTION = "/projects/shop/promotions/pr-5e1f0c9a7b3d2468ace0135f"
VERSION = "/projects/shop/applications/web/versions/1.4.0"


def example(fact: str) -> tuple[str, dict[str, Any]]:
    [path] = EXAMPLES.glob(f"hallmark.evt.*.{fact}.v1.json")
    return fact, json.loads(path.read_text())


@pytest.mark.parametrize(
    ("fact", "path"),
    [
        ("verdict.issued", "/projects/shop/verdicts/vd-0f1e2d3c4b5a69788796a5b4"),
        ("promotion.ended", PROMOTION),
        ("approval.decided", PROMOTION),
        ("glass.broken", PROMOTION),
        ("waiver.ended", "/projects/shop/waivers/wv-3c2b1a0f9e8d7c6b5a493827"),
        ("version.moved", VERSION),
        ("release.trusted", VERSION),
        ("trust.changed", VERSION),
        ("alert.opened", VERSION),
        ("standing.changed", "/projects/shop/applications/web"),
        ("policy.applied", "/projects/shop/policies/qa-entry"),
        ("trust-root.applied", "/projects/shop/settings"),
        ("project.applied", "/projects/shop"),
        ("signing-key.announced", None),
    ],
)
def test_a_fact_has_the_page_of_what_it_speaks_of(fact: str, path: str | None) -> None:
    assert of_fact(*example(fact)) == path


def test_evidence_is_named_inside_of_its_fact() -> None:
    kind, said = example("record.added")
    assert of_fact(kind, said) == f"/projects/shop/evidence/{said['item']['evidence_id']}"


def test_a_cdevent_has_the_page_of_the_fact_behind_it() -> None:
    said = {"customData": {"hallmark": {"project": "shop", "promotion_id": "pr-1"}}}
    assert of_fact("promotion.ended", said) == "/projects/shop/promotions/pr-1"


def test_every_fact_of_a_project_has_a_page() -> None:
    for path in EXAMPLES.glob("hallmark.evt.*.json"):
        noun, verb = path.name.split(".")[3:5]
        said = json.loads(path.read_text())
        found = of_fact(f"{noun}.{verb}", said)
        assert (found or "").startswith("/projects/") == bool(said.get("project")) or noun == "cdevent", path.name


def test_a_page_is_one_more_member_of_a_fact() -> None:
    body = b'{"project": "shop", "application": "web"}\n'
    told = with_page(f"{SHOP}/", "application.applied", body)
    assert json.loads(told) == {**json.loads(body), "page": f"{SHOP}/projects/shop/applications/web"}
    assert with_page("", "application.applied", body) == body
    assert with_page(SHOP, "application.applied", told) == told


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"[" * 100_000, b'{"project": 7}'])
def test_what_says_nothing_readable_has_no_page(body: bytes) -> None:
    assert address_of(SHOP, "version.moved", body) == ""
    assert with_page(SHOP, "version.moved", body) == body


def test_paths_are_those_of_the_api() -> None:
    assert version("shop", "web", "1.4.0+build.7") == "/projects/shop/applications/web/versions/1.4.0+build.7"
    assert thing("shop", "evidence", "a/../b") == "/projects/shop/evidence/a%2F..%2Fb"
    assert address(SHOP, application("shop", "web")) == f"{SHOP}/projects/shop/applications/web"
    assert address("", "/x") == address(SHOP, None) == ""
