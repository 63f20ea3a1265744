"""Entries of the log in people's words, and where what they are about is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from contracts.evidence.v1.log import PublishedKey, Witnesses, WitnessView
from contracts.evidence.v1.views import LoggedEntry
from shared.errors import Invalid

KINDS: Mapping[str, str] = {
    "evidence": "Evidence was received",
    "approval": "An approval was signed",
    "judgement": "Evidence was judged again",
    "verdict": "Gates gave a verdict",
    "passage": "The passage of gates was signed",
    "withdrawal": "A passage was withdrawn",
    "promotion": "A promotion was completed",
    "refusal": "A promotion ended without a move",
    "policy": "A policy came into force",
    "trust": "The trust in a release changed",
    "trust_root": "A trust root was applied",
    "role": "Roles were given or taken",
    "key": "A signing key was announced",
    "witness": "A witness was registered or retired",
    "broken_glass": "A freeze was broken",
}
"""What happened, by the kind of its entry."""
_WITHIN_PROJECT = {
    "evidence": "evidence",
    "approval": "evidence",
    "judgement": "evidence",
    "verdict": "verdicts",
    "passage": "promotions",
    "withdrawal": "promotions",
    "promotion": "promotions",
    "refusal": "promotions",
    "broken_glass": "promotions",
}
EVERY_PROJECT = "*"
LAGGING_AFTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Said:
    """One entry as people read it."""

    index: int
    raw: str
    leaf_hash: str
    kind: str
    happened: str
    project: str
    """Empty for what is about the installation itself."""
    application: str
    subject: str
    digest: str
    record: str
    """Digest of what was read from evidence; empty for other kinds."""
    recorded_at: datetime | None
    path: str
    """Where it is shown; empty where nothing shows it."""

    @property
    def shown(self) -> str:
        """What it is about, for people: a passage is of one attempt of its promotion."""
        return self.subject.replace("|", ", attempt ")


def said(entry: LoggedEntry) -> Said:
    """What an entry says. Nothing is missing that the log could not hold."""
    told: dict[str, Any] = json.loads(entry.entry)
    kind, project = str(told["kind"]), str(told["project"])
    return Said(
        index=entry.index,
        raw=entry.entry,
        leaf_hash=entry.leaf_hash,
        kind=kind,
        happened=KINDS.get(kind, kind.replace("_", " ")),
        project="" if project == EVERY_PROJECT else project,
        application=told["application"] or "",
        subject=str(told["subject"]),
        digest=str(told["digest"]),
        record=str(told.get("record", "")),
        recorded_at=datetime.fromisoformat(told["recorded_at"]),
        path=path_of(kind, project, str(told["subject"]), str(told["digest"])),
    )


def path_of(kind: str, project: str, subject: str, digest: str) -> str:
    """The page about what an entry of this kind names; empty when there is none."""
    within = f"/projects/{project}"
    match kind:
        case "policy":
            return f"{within}/policies/{subject}?digest={digest}"
        case "trust":
            _, application, version = subject.split("/", 2)
            return f"{within}/applications/{application}/versions/{version}"
        case "trust_root":
            return f"{within}/settings"
        case "key" | "witness":
            return "/log/checkpoints"
        case _ if kind in _WITHIN_PROJECT:
            return f"{within}/{_WITHIN_PROJECT[kind]}/{subject.partition('|')[0]}"
    return ""


def day(text: str, *, after: bool = False) -> datetime | None:
    """The beginning of a day in UTC, or its end; None for an empty field. Raises `Invalid` for what is no day."""
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("day_malformed", f"{text!r} is no day.", remedy="Write it as 2026-11-30.") from error
    return datetime.combine(found + timedelta(days=int(after)), time.min, UTC)


@dataclass(frozen=True)
class Watching:
    """How one witness keeps up."""

    witness: WitnessView
    behind: int | None
    """Entries between what it last saw and the newest state; None when it has seen nothing."""
    state: str
    """`up to date`, `catching up`, `lagging`, `never seen` or `retired`."""
    share: float
    """Percent of the log that it has seen."""
    seen_at: datetime | None


def watching(known: Witnesses, size: int, now: datetime) -> list[Watching]:
    """The witnesses in use, those that lag behind most first, then those that are retired."""
    found = [_watching(one, size, now) for one in known.witnesses]
    return sorted(found, key=lambda one: (one.state == "retired", -(size if one.behind is None else one.behind)))


def _watching(one: WitnessView, size: int, now: datetime) -> Watching:
    behind = None if one.newest_size is None else max(0, size - one.newest_size)
    seen_at = None if one.newest_time is None else datetime.fromtimestamp(one.newest_time, UTC)
    if one.retired_at:
        state = "retired"
    elif seen_at is None:
        state = "never seen"
    elif behind == 0:
        state = "up to date"
    else:
        state = "lagging" if now - seen_at > LAGGING_AFTER else "catching up"
    return Watching(one, behind, state, 100 * (one.newest_size or 0) / max(size, 1), seen_at)


def keys_at(published: Sequence[PublishedKey], size: int) -> list[str]:
    """The keys, in one-line form, that may have signed the state of that size."""
    return [
        key.verifier_key
        for key in published
        if key.from_size <= size and (key.until_size is None or size <= key.until_size)
    ]
