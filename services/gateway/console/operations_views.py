"""How the installation is, out of what NATS and the services say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.gateway.standings import ConsumerStanding, StreamStanding

FALLING_BEHIND = 1_000
"""Messages that wait for a service from which on it is said to be behind."""


@dataclass(frozen=True)
class ServiceStanding:
    """One service: whether it answers, and what waits for it."""

    name: str
    answered_ms: float | None
    """How long its answer took; None when none came."""
    waiting: int
    at_work: int
    again: int
    consumers: tuple[ConsumerStanding, ...]
    """The longest queue first."""

    @property
    def state(self) -> str:
        """One word: `silent`, `behind` or `good`."""
        if self.answered_ms is None:
            return "silent"
        return "behind" if self.waiting >= FALLING_BEHIND else "good"

    @property
    def kind(self) -> str:
        """The colour of the word."""
        return {"silent": "bad", "behind": "warn", "good": "good"}[self.state]


def services(streams: Iterable[StreamStanding], answered: Mapping[str, float | None]) -> tuple[ServiceStanding, ...]:
    """Every service that was asked, in that order, with the consumers that bear its name."""
    every = [consumer for stream in streams for consumer in stream.consumers]
    return tuple(
        _service(name, took, [one for one in every if one.name.startswith(f"{name}-")])
        for name, took in answered.items()
    )


def _service(name: str, took: float | None, own: list[ConsumerStanding]) -> ServiceStanding:
    return ServiceStanding(
        name=name,
        answered_ms=took,
        waiting=sum(one.waiting for one in own),
        at_work=sum(one.at_work for one in own),
        again=sum(one.again for one in own),
        consumers=tuple(sorted(own, key=lambda one: (-one.waiting - one.at_work, one.name))),
    )


def size(count: int) -> str:
    """Bytes, as people read them."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:  # noqa: PLR2004 - a KiB
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
