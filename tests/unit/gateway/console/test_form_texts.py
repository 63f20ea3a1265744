"""Texts of forms into what commands take."""

from __future__ import annotations

import pytest

from contracts.vocabulary import GateKind
from services.gateway.console import form_texts
from shared.errors import Invalid

HEX = "AB" * 32


@pytest.mark.parametrize(
    "text", [f"pkg:pypi/a@1 {HEX}", f"pkg:pypi/a@1=sha256:{HEX}", f" pkg:pypi/a@1\t sha256:{HEX} \n\n"]
)
def test_artifacts_are_read_as_people_write_them(text: str) -> None:
    [one] = form_texts.artifacts(text)
    assert (one.purl, one.digest) == ("pkg:pypi/a@1", f"sha256:{HEX.lower()}")


def test_a_purl_with_qualifiers_keeps_its_equals_sign() -> None:
    [one] = form_texts.artifacts(f"pkg:deb/debian/curl@1?arch=i386 {HEX}")
    assert one.purl == "pkg:deb/debian/curl@1?arch=i386"


@pytest.mark.parametrize("text", ["pkg:pypi/a@1", f"a {HEX}", f"pkg:pypi/a@1 {HEX[:-1]}", HEX])
def test_what_names_no_artifact_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="names no artifact"):
        form_texts.artifacts(text)


def test_labels_come_back_as_they_were() -> None:
    labels = {"tier": "front", "url": "https://x?a=b"}
    assert form_texts.pairs(form_texts.paired(labels)) == labels
    with pytest.raises(Invalid, match="is no label"):
        form_texts.pairs("tier")


def test_stages_beyond_the_first_have_a_gate_that_needs_a_policy() -> None:
    dev, qa, prod = form_texts.stages("dev, qa ,prod,")
    assert [one.name for one in (dev, qa, prod)] == ["dev", "qa", "prod"]
    assert GateKind.ENTRY in dev.open
    assert GateKind.ENTRY not in qa.open + prod.open
    [only] = form_texts.stages("prod")
    assert GateKind.ENTRY not in only.open, "a release is never open"
    with pytest.raises(Invalid):
        form_texts.stages(" , ")
