"""What advisories say of components, asked all at once."""

from collections.abc import Iterable

from services.monitoring.domain.advisory import Advisory
from services.monitoring.domain.matching import Answer, Matcher


def answers(purls: Iterable[str], advisories: Iterable[Advisory]) -> list[Answer]:
    """Every answer but no."""
    matcher = Matcher(advisories)
    return [answer for purl in purls for answer in matcher.answers(purl)]
