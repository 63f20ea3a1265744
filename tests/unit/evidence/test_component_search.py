"""Which components of a bill of materials a search finds."""

import pytest

from contracts.facts import Component
from services.evidence.domain.component_search import Wanted

INK = Component(purl="pkg:pypi/Ink@1.0", licenses=("MIT",))
GLUE = Component(purl="pkg:npm/glue@3.0")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [INK, GLUE]),
        (Wanted(text="iNk"), [INK]),
        (Wanted(type="NPM"), [GLUE]),
        (Wanted(type="np"), []),
        (Wanted(license="mit"), [INK]),
        (Wanted(license="noassertion"), [GLUE]),
        (Wanted(text="glue", license="mit"), []),
    ],
)
def test_everything_that_is_asked_for_must_fit(wanted: Wanted, found: list[Component]) -> None:
    assert [one for one in (INK, GLUE) if wanted.fits(one)] == found
    assert wanted.everything == (wanted == Wanted())
