"""What lies before a version: the gates on the way into its next stage, and whether what they say has changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.circumstances import StagePassage
from contracts.findings import Finding
from contracts.vocabulary import Frozen, GateKind, Outcome, PromotionKind, StageName
from shared.digests import canonical_digest
from shared.policy.house_rules import Passage


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


def standing_of(passed: Iterable[StagePassage]) -> StageName | None:
    """Where a version stands: a rollback makes it current again somewhere and takes it no way back."""
    forward = [one for one in passed if one.kind is not PromotionKind.ROLLBACK]
    return forward[-1].to_stage if forward else None


def outlook(stations: Sequence[Station], standing: StageName | None) -> Outlook | None:
    """What lies before a version that stands there; None when nothing follows."""
    names = [one.name for one in stations]
    if standing is not None and standing not in names:
        return None
    place = 0 if standing is None else names.index(standing) + 1
    if place >= len(stations):
        return None
    target = stations[place]
    gates = [(target, GateKind.ENTRY)] + ([(target, GateKind.RELEASE)] if target.release else [])
    leaving = [(stations[place - 1], GateKind.EXIT)] if place else []
    passages = tuple(Passage(stage=one.name, gate=gate, open=gate in one.open) for one, gate in leaving + gates)
    return Outlook(from_stage=standing, to_stage=target.name, passages=passages)


def said(to_stage: StageName | None, outcome: Outcome | None, findings: Iterable[Finding]) -> str:
    """A digest of what matters to whoever waits: while it is the same, nothing has to be told."""
    open_ones = sorted([one.policy, one.rule, one.stage, one.gate.value, one.outcome.value] for one in findings)
    return canonical_digest({"to": to_stage, "outcome": outcome.value if outcome else None, "open": open_ones})
