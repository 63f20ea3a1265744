"""What lies before a version: the gates on the way into its next stage, and whether what they say has changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.findings import Finding
from contracts.vocabulary import Frozen, GateKind, Outcome, StageName
from shared.digests import canonical_digest
from shared.policy.house_rules import Passage
from shared.way import Way


class Station(Frozen):
    """One stage of a lifecycle, as far as the way through it is concerned."""

    name: StageName
    open: tuple[GateKind, ...] = ()
    release: bool


class Outlook(Frozen):
    """The next stage, and the gates before it."""

    from_stage: StageName | None
    to_stage: StageName
    passages: tuple[Passage, ...]


def outlook(stations: Sequence[Station], way: Way) -> Outlook | None:
    """What lies before a version that came this way; None when nothing follows.

    Of release stages, which are parallel, it is the first one that the version is not in.
    """
    standing, target = way.standing, _next(stations, way)
    if target is None:
        return None
    ring = [one.name for one in stations if one.release]
    before = [one for one in stations if one.name not in ring] if target.release else stations[: stations.index(target)]
    leaving = [(one, GateKind.EXIT) for one in before[-1:]] if standing is not None else []
    gates = [(target, GateKind.ENTRY)] + ([(target, GateKind.RELEASE)] if target.release else [])
    passages = tuple(Passage(stage=one.name, gate=gate, open=gate in one.open) for one, gate in leaving + gates)
    return Outlook(from_stage=before[-1].name if leaving else None, to_stage=target.name, passages=passages)


def _next(stations: Sequence[Station], way: Way) -> Station | None:
    names = [one.name for one in stations]
    if way.standing is None:
        return stations[0] if stations else None
    if way.standing not in names:
        return None
    place = names.index(way.standing)
    if stations[place].release:
        return next((one for one in stations if one.release and one.name not in way.held), None)
    return stations[place + 1] if place + 1 < len(stations) else None


def said(to_stage: StageName | None, outcome: Outcome | None, findings: Iterable[Finding]) -> str:
    """A digest of what matters to whoever waits: while it is the same, nothing has to be told."""
    open_ones = sorted([one.policy, one.rule, one.stage, one.gate.value, one.outcome.value] for one in findings)
    return canonical_digest({"to": to_stage, "outcome": outcome.value if outcome else None, "open": open_ones})
