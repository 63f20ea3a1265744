"""SPDX licence expressions, read as `license-expression` reads them, and as small trees.

- Ids in any case are read as SPDX writes them, deprecated ones as what took their place (`GPL-2.0+` is
  `GPL-2.0-or-later`).
- `+` behind any other id means this version or a later one: what is said of the id holds.
- `LicenseRef-...` is what its document means by it, never some licence that a list elsewhere calls so.
- Text that is no expression, longer than facts carry, nested deeper than people write, or not ASCII, is not read: the
  library fails in ways of its own on some of it.

Source: SPDX specification 2.3, annex D.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal

from license_expression import (  # type: ignore[import-untyped]
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    get_spdx_licensing,
)

_MAX_LENGTH = 1100
_MAX_DEPTH = 50
_NOTHING = frozenset({"none", "noassertion"})
_OWN_NAMES = ("licenseref-", "documentref-")


@dataclass(frozen=True, slots=True)
class License:
    """One licence, perhaps with an exception from it."""

    id: str
    """As SPDX writes it; with `WITH` and the exception, if there is one."""
    without_exception: str
    known: bool
    """Whether SPDX or the document defines it."""

    @property
    def says_nothing(self) -> bool:
        """Whether it is `NONE` or `NOASSERTION`."""
        return self.id.lower() in _NOTHING


@dataclass(frozen=True, slots=True)
class Choice:
    """All of the parts hold (`AND`), or any one of them (`OR`)."""

    operator: Literal["AND", "OR"]
    parts: tuple[Expression, ...]


Expression = License | Choice


@lru_cache(maxsize=8192)
def parse_expression(text: str) -> Expression | None:
    """The expression that `text` is; None when it cannot be read as one."""
    if len(text) > _MAX_LENGTH or not text.isascii() or _depth(text) > _MAX_DEPTH:
        return None
    try:
        parsed = _licensing().parse(text)
    except Exception:  # noqa: BLE001 - besides its own errors the library lets IndexError and AssertionError out
        return None
    return None if parsed is None else _tree(parsed)


@lru_cache(maxsize=1)
def known_ids() -> tuple[str, ...]:
    """Every licence id that SPDX or its list of deprecated ids has, in lower case, sorted."""
    return tuple(sorted(_ids()[0]))


def _depth(text: str) -> int:
    steps = ((character == "(") - (character == ")") for character in text)
    return max(accumulate(steps), default=0)


def _tree(parsed: Any) -> Expression:
    if isinstance(parsed, LicenseWithExceptionSymbol):
        licence, exception = _license(parsed.license_symbol.key), parsed.exception_symbol.key
        known = licence.known and exception.lower() in _ids()[1]
        return License(f"{licence.id} WITH {exception}", licence.id, known)
    if isinstance(parsed, LicenseSymbol):
        return _license(parsed.key)
    operator: Literal["AND", "OR"] = "AND" if isinstance(parsed, _licensing().AND) else "OR"
    return Choice(operator, tuple(_tree(part) for part in parsed.args))


def _license(key: str) -> License:
    name = key.removesuffix("+")
    known = name.lower() in _ids()[0] or (name.lower().startswith(_OWN_NAMES) and " " not in name)
    return License(name if known else key, name if known else key, known)


@lru_cache(maxsize=1)
def _licensing() -> Licensing:
    return Licensing(
        [
            LicenseSymbol(
                symbol.key,
                aliases=tuple(one for one in symbol.aliases if not one.lower().startswith(_OWN_NAMES)),
                is_exception=symbol.is_exception,
            )
            for symbol in get_spdx_licensing().known_symbols.values()
        ]
    )


@lru_cache(maxsize=1)
def _ids() -> tuple[frozenset[str], frozenset[str]]:
    licences: set[str] = set()
    exceptions: set[str] = set()
    for symbol in _licensing().known_symbols.values():
        (exceptions if symbol.is_exception else licences).update(one.lower() for one in (symbol.key, *symbol.aliases))
    return frozenset(licences), frozenset(exceptions)
