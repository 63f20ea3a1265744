"""Policies for people: where they judge, what they say, and what a change changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from contracts.gate.v1.views import PolicyRevision, PolicyView
from contracts.registry.v1.views import ProjectView, StageView
from contracts.vocabulary import GateKind, Mode
from services.gateway.console import rule_words

_ORDER = {Mode.BLOCK: 0, Mode.WARN: 1, Mode.SHADOW: 2}
_AROUND = 3
"""Lines that are shown around each change."""
MODES: Mapping[str, str] = {
    "block": "stops the version when a rule does not pass",
    "warn": "is judged and shown, and stops nothing",
    "shadow": "is judged and recorded, and stops nothing",
}


@dataclass(frozen=True)
class Summary:
    """One policy in a list or on the map."""

    name: str
    project: str
    """Whose policy it is."""
    title: str
    mode: str
    scope: str
    """For which applications, in words; empty for all."""
    announced_for: datetime | None
    """When it begins to count; None when it does."""
    gates: tuple[str, ...]
    rules: int
    revision: int
    digest: str
    applied_at: datetime
    applied_by: str
    path: str


@dataclass(frozen=True)
class Gate:
    """One gate of one stage: who judges there."""

    kind: str
    state: str
    """`governed`, `partly`, `open` or `shut`."""
    policies: tuple[Summary, ...]


@dataclass(frozen=True)
class Row:
    """One stage with its gates; None where it has no such gate."""

    stage: str
    title: str
    release: bool
    gates: tuple[Gate | None, ...]


@dataclass(frozen=True)
class Map:
    """One lifecycle with everything that judges on it."""

    lifecycle: str
    rows: tuple[Row, ...]


def maps(project: ProjectView, policies: Iterable[PolicyView], now: datetime) -> tuple[Map, ...]:
    """What judges where, for each lifecycle of a project; `policies` are its own and those that others hold for it."""
    known = [(one, summary(one, project.project, now)) for one in policies]
    known.sort(key=lambda pair: (_ORDER[pair[0].mode], pair[0].policy))
    return tuple(Map(one.lifecycle, tuple(_row(stage, known) for stage in one.stages)) for one in project.lifecycles)


def _row(stage: StageView, known: Sequence[tuple[PolicyView, Summary]]) -> Row:
    gates = tuple(
        _gate(stage, kind, known) if kind is not GateKind.RELEASE or stage.release else None for kind in GateKind
    )
    return Row(stage.name, stage.title, stage.release, gates)


def _gate(stage: StageView, kind: GateKind, known: Sequence[tuple[PolicyView, Summary]]) -> Gate:
    here = tuple(short for view, short in known if _is_at(view, stage.name, kind))
    # What only warns or is only announced keeps nobody out, and lets nobody in.
    blocking = [one for one in here if one.mode == Mode.BLOCK.value and one.announced_for is None]
    if any(not one.scope for one in blocking):
        state = "governed"
    elif blocking:
        state = "partly"
    else:
        state = "open" if kind in stage.open else "shut"
    return Gate(kind.value, state, here)


def _is_at(view: PolicyView, stage: str, kind: GateKind) -> bool:
    return any(
        one["stage"] in ("*", stage) and one["gate"] in ("*", kind.value) for one in view.document["spec"]["gates"]
    )


def summary(view: PolicyView, project: str, now: datetime) -> Summary:
    """One policy in short, as it is seen from a project."""
    spec = view.document["spec"]
    begins = spec.get("effective_on")
    counts_from = datetime.fromisoformat(begins) if begins else None
    # A revision by its digest is shown to every project that it is for, its owner's page to its own members.
    path = f"/projects/{project}/policies/{view.policy}"
    return Summary(
        name=view.policy,
        project=view.project,
        title=view.document["metadata"].get("title") or "",
        mode=view.mode.value,
        scope=scope_in_words(spec.get("scope") or {}),
        announced_for=counts_from if counts_from and counts_from > now else None,
        gates=tuple(gate_in_words(one) for one in spec["gates"]),
        rules=len(spec["rules"]),
        revision=view.revision,
        digest=view.digest,
        applied_at=view.applied_at,
        applied_by=view.applied_by,
        path=path if view.project == project else f"{path}?digest={view.digest}",
    )


def gate_in_words(gate: Mapping[str, str]) -> str:
    """Which gates are meant."""
    stage = "every stage" if gate["stage"] == "*" else gate["stage"]
    return f"all gates of {stage}" if gate["gate"] == "*" else f"{gate['gate']} of {stage}"


def scope_in_words(scope: Mapping[str, Any]) -> str:
    """For which applications of a project; empty for all of them."""
    parts = []
    if scope.get("applications"):
        parts.append(", ".join(scope["applications"]))
    if scope.get("criticality"):
        parts.append(f"criticality {' or '.join(scope['criticality'])}")
    parts += [f"{name}: {value}" for name, value in sorted((scope.get("labels") or {}).items())]
    return "; ".join(parts)


def projects_in_words(view: PolicyView) -> str:
    """For which projects."""
    wanted = (view.document["spec"].get("scope") or {}).get("projects")
    if not wanted:
        return f"its own project, {view.project}"
    return "every project" if "*" in wanted else ", ".join(wanted)


def rules_of(view: PolicyView) -> tuple[rule_words.RuleText, ...]:
    """The rules as they are read."""
    return rule_words.read(view.document["spec"]["rules"])


def as_yaml(document: Mapping[str, Any]) -> str:
    """A document as people write it: what it is, then what it says."""
    ordered = {key: document[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in document}
    return str(yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110))


@dataclass(frozen=True)
class Line:
    """One line of a difference."""

    kind: str
    """`same`, `added`, `removed`, or `gap` for lines that are left out."""
    text: str
    before: int | None = None
    after: int | None = None
    """Its numbers in the two texts, from 1."""


def difference(before: str, after: str) -> tuple[Line, ...]:
    """What has to be done to the one text to make it the other; empty when they say the same."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND):
        if lines or group[0][1] > 0:
            lines.append(Line("gap", ""))
        for tag, start, end, other, other_end in group:
            if tag == "equal":
                lines += [Line("same", old[start + at], start + at + 1, other + at + 1) for at in range(end - start)]
                continue
            lines += [Line("removed", old[at], before=at + 1) for at in range(start, end)]
            lines += [Line("added", new[at], after=at + 1) for at in range(other, other_end)]
    return tuple(lines)


def two_revisions(
    revisions: Sequence[PolicyRevision], older: int | None, newer: int | None
) -> tuple[PolicyRevision, PolicyRevision] | None:
    """The two to compare: those that are named, else the newest and the one before it. None when there are no two."""
    by_number = {one.revision: one for one in revisions}
    if not revisions:
        return None
    last = by_number.get(newer or revisions[0].revision)
    first = by_number.get(older or (last.revision - 1 if last else 0))
    return (first, last) if first and last else None
