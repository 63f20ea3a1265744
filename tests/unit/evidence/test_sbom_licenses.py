"""What the facts of a bill of materials say about licences."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.facts import MAX_LISTED, LicenseUse, SbomFacts
from services.evidence.domain.kinds.licenses import joined
from tests.unit.evidence.sbom_documents import CYCLONEDX, SPDX, a_bom, a_purl, an_spdx, facts


def a_component(name: str, *licenses: dict[str, Any]) -> dict[str, Any]:
    return {"purl": f"pkg:npm/{name}@1", "licenses": list(licenses)}


def an_id(text: str) -> dict[str, Any]:
    return {"license": {"id": text}}


def a_name(text: str) -> dict[str, Any]:
    return {"license": {"name": text}}


def said(found: SbomFacts) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {use.expression: (use.count, tuple(purl[8:-2] for purl in use.components)) for use in found.licenses}


def test_cyclonedx_ids_names_and_expressions_are_counted_by_expression() -> None:
    found = facts(
        CYCLONEDX,
        a_bom(
            a_component("b", an_id("MIT")),
            a_component("a", an_id("MIT")),
            a_component("c", {"expression": "MIT OR Apache-2.0"}),
            a_component("d", a_name("The Licence of a"), an_id("MIT")),
            a_component("e"),
            a_component("f", a_name("NOASSERTION")),
        ),
    )
    assert said(found) == {
        "MIT": (2, ("a", "b")),
        "MIT AND The Licence of a": (1, ("d",)),
        "MIT OR Apache-2.0": (1, ("c",)),
    }
    assert [use.expression for use in found.licenses] == sorted(said(found))
    assert found.unlicensed == LicenseUse(expression="NOASSERTION", count=2, components=("pkg:npm/e@1", "pkg:npm/f@1"))


def test_spdx_concluded_and_declared_licences_both_bind() -> None:
    found = facts(
        SPDX,
        an_spdx(
            {"externalRefs": [a_purl("pkg:npm/a@1")], "licenseConcluded": "MIT", "licenseDeclared": "MIT OR X11"},
            {"externalRefs": [a_purl("pkg:npm/b@1")], "licenseConcluded": "NOASSERTION", "licenseDeclared": "NONE"},
        ),
    )
    assert said(found) == {"MIT AND (MIT OR X11)": (1, ("a",))}
    assert found.unlicensed
    assert found.unlicensed.components == ("pkg:npm/b@1",)


def test_all_licences_of_one_package_url_bind_together() -> None:
    twice = a_bom(a_component("a", an_id("MIT")), a_component("a", an_id("GPL-3.0-only")), a_component("a"))
    found = facts(CYCLONEDX, twice)
    assert said(found) == {"GPL-3.0-only AND MIT": (1, ("a",))}
    assert found.unlicensed is None


def test_a_component_without_package_url_does_not_hide_its_licence() -> None:
    found = facts(CYCLONEDX, a_bom({"licenses": [an_id("GPL-3.0-only")]}, {}, a_component("a", an_id("MIT"))))
    assert said(found) == {"GPL-3.0-only": (1, ()), "MIT": (1, ("a",))}
    assert (found.unidentified_count, found.unlicensed) == (2, None)


def test_twenty_components_are_named_and_all_are_counted() -> None:
    found = facts(CYCLONEDX, a_bom(*(a_component(f"p{n:02}", an_id("MIT")) for n in range(50, 0, -1))))
    assert said(found) == {"MIT": (50, tuple(f"p{n:02}" for n in range(1, 21)))}
    assert facts(CYCLONEDX, a_bom(*(a_component(f"p{n}") for n in range(50)))).unlicensed == LicenseUse(
        expression="NOASSERTION", count=50, components=tuple(sorted(f"pkg:npm/p{n}@1" for n in range(50))[:20])
    )


def test_expressions_beyond_the_limit_are_counted() -> None:
    listed = [a_component(f"p{n}", a_name(f"licence {n:03}")) for n in range(MAX_LISTED + 5)]
    found = facts(CYCLONEDX, a_bom(*listed, *listed[-2:]))
    assert [use.expression for use in found.licenses] == [f"licence {n:03}" for n in range(MAX_LISTED)]
    assert found.unlisted_licenses == 5


@pytest.mark.parametrize(
    ("licenses", "expression"),
    [
        (["MIT"], "MIT"),
        (["a OR b"], "a OR b"),
        (["b or c", "a"], "a AND (b or c)"),
        (["a AND b", "c WITH d"], "(a AND b) AND c WITH d"),
        (["(a)OR(b)", "c"], "((a)OR(b)) AND c"),
        (["a OR", "b"], "(a OR) AND b"),
        (["MIT) OR (X", "GPL-3.0-only"], None),
        (["MIT) OR (X"], "MIT) OR (X"),
        (["(MIT OR a", "b) OR c"], None),
        (["x" * 600, "y" * 600], None),
    ],
)
def test_joining_keeps_the_meaning_or_says_nothing(licenses: list[str], expression: str | None) -> None:
    assert joined(licenses) == expression


def test_what_cannot_be_joined_is_counted_as_unlisted() -> None:
    sly = a_component("a", a_name("MIT) OR (X"), an_id("GPL-3.0-only"))
    long = a_component("b", a_name("x" * 600), a_name("y" * 600))
    found = facts(CYCLONEDX, a_bom(sly, long, a_component("c", *sly["licenses"])))
    assert (found.licenses, found.unlisted_licenses, found.unlicensed) == ((), 2, None)
