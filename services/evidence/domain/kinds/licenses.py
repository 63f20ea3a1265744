"""The licences of a bill of materials: each expression once, with the components that are under it.

- Several licences of one component are joined by `AND`, sorted, those with an operator of their own in parentheses:
  whoever uses it has to keep all of them.
- `NOASSERTION` and `NONE` name no licence. A component that names none is unlicensed.
- An expression that cannot be carried whole, or joined without changing what it means, is counted as unlisted: cut or
  mended, it would say something else than the document.
- Components without a package URL count under the licences they name, and are not listed. Those that name none are
  no unlicensed ones: `unidentified_count` tells of them.

Source: SPDX specification 2.3, annex D: `AND` binds tighter than `OR`, operators in any case.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.facts import MAX_LISTED, Component, LicenseUse

NO_ASSERTION = "NOASSERTION"
MAX_NAMED = 20
"""Components that are named under one expression."""
_MAX_EXPRESSION = 1100
_NO_LICENSE = frozenset({NO_ASSERTION, "NONE"})
_OPERATOR = re.compile(r"(^|[\s()])(AND|OR)($|[\s()])", re.IGNORECASE)


@dataclass
class _Use:
    count: int = 0
    components: list[str] = field(default_factory=list)

    def add(self, purl: str | None) -> None:
        self.count += 1
        if purl is None:
            return
        if len(self.components) < MAX_NAMED or purl < self.components[-1]:
            insort(self.components, purl)
            del self.components[MAX_NAMED:]

    def as_fact(self, expression: str) -> LicenseUse:
        return LicenseUse(expression=expression, count=self.count, components=tuple(self.components))


@dataclass
class Licenses:
    """Collects what components are under."""

    _uses: dict[str, _Use] = field(default_factory=dict)
    _none: _Use = field(default_factory=_Use)
    _untold: set[frozenset[str]] = field(default_factory=set)
    """The licences, taken together, that make no expression that can be listed."""

    def add(self, component: Component) -> None:
        """Count one component."""
        if not self._add(component.licenses, component.purl):
            self._none.add(component.purl)

    def add_unidentified(self, licenses: Iterable[str]) -> None:
        """Count a component without a package URL, if it names a licence."""
        self._add(licenses, None)

    def listed(self) -> tuple[LicenseUse, ...]:
        """The expressions, sorted, as many as facts carry."""
        return tuple(self._uses[expression].as_fact(expression) for expression in sorted(self._uses)[:MAX_LISTED])

    def unlicensed(self) -> LicenseUse | None:
        """The components that name no licence; None when there are none."""
        return self._none.as_fact(NO_ASSERTION) if self._none.count else None

    def unlisted(self) -> int:
        """How many expressions are not among those listed."""
        return len(self._untold) + max(len(self._uses) - MAX_LISTED, 0)

    def _add(self, licenses: Iterable[str], purl: str | None) -> bool:
        named = frozenset(licenses) - _NO_LICENSE
        if not named:
            return False
        expression = joined(named)
        if expression is None:
            self._untold.add(named)
        else:
            self._uses.setdefault(expression, _Use()).add(purl)
        return True


def joined(licenses: Iterable[str]) -> str | None:
    """All of `licenses` as one expression; None when that is too long, or would not mean all of them."""
    parts = sorted(set(licenses))
    if len(parts) > 1:
        if not all(map(_balanced, parts)):
            return None
        parts = [f"({part})" if _OPERATOR.search(part) else part for part in parts]
    expression = " AND ".join(parts)
    return expression if len(expression) <= _MAX_EXPRESSION else None


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
