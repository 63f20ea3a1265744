"""How many messages each process has handled, as its own metrics say."""

from __future__ import annotations

from collections import Counter

import httpx
from prometheus_client.parser import text_string_to_metric_families

_HANDLED = "hallmark_messages_handled_total"


async def handled(url: str) -> Counter[str]:
    """Messages by what became of them, since the process at `url` was started. Raises httpx's errors."""
    async with httpx.AsyncClient(timeout=5) as http:
        text = (await http.get(f"{url}/metrics")).text
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == _HANDLED:
                found[sample.labels["outcome"]] += int(sample.value)
    return found
