"""Which statements of an OpenVEX document still hold: the newest about each vulnerability in each product.

- A later statement about the same vulnerability in the same product, or the same part of it, replaces an earlier one.
  Of two of the same time the one further down in the document is the later one.
- A later statement about a whole product replaces earlier ones about its parts. A later one about a part leaves the
  earlier one about the whole standing: it still speaks of the other parts.
- Vulnerabilities are the same when their names are; aliases do not join statements.

Source: openvex/spec OPENVEX-SPEC.md, sections "Statement Inheritance" and "Updating Statements".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.facts import VexProduct, VexStatement

_BEGINNING = datetime.min.replace(tzinfo=UTC)


def newest(statements: Iterable[VexStatement]) -> list[VexStatement]:
    """The statements that still hold, each with the products for which no later one speaks."""
    ordered = sorted(statements, key=lambda one: one.made_at or _BEGINNING)
    spoken: set[tuple[str, str, str]] = set()
    kept: list[VexStatement] = []
    for statement in reversed(ordered):
        if not statement.products:
            key = (statement.vulnerability, "", "")
            if key not in spoken:
                spoken.add(key)
                kept.append(statement)
            continue
        products = tuple(found for found in (_open(one, statement, spoken) for one in statement.products) if found)
        if products:
            kept.append(statement.model_copy(update={"products": products}))
    return kept


def _open(product: VexProduct, statement: VexStatement, spoken: set[tuple[str, str, str]]) -> VexProduct | None:
    """The part of `product` of which nothing later has spoken; None when there is none. Marks it as spoken of."""
    whole = (statement.vulnerability, product.id, "")
    if whole in spoken:
        return None
    if not product.subcomponents:
        spoken.add(whole)
        return product
    parts = [(statement.vulnerability, product.id, part) for part in product.subcomponents]
    left = tuple(part[2] for part in parts if part not in spoken)
    spoken.update(parts)
    return product.model_copy(update={"subcomponents": left}) if left else None
