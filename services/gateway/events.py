"""Facts as server-sent events (HTML Living Standard, section 9.2): pure.

- `id` is the place in the stream of facts: a reader that comes back with `Last-Event-ID` misses nothing.
- `event` is noun and verb (`version.moved`), of a CDEvent its type; `data` is the fact as JSON, with
  the console's page about it as `page` once the gateway knows its public address.
- A stream is of Hallmark's own facts, or of CDEvents; never of both, for each CDEvent repeats a fact.
- Readers see the projects in which they hold a role, and facts of no project only with a role everywhere. Whose rights
  are confined to applications see the facts of those.
"""

from __future__ import annotations

import json
from enum import StrEnum

from contracts.streams import EVT
from shared.errors import Forbidden, Invalid
from shared.identity import EVERYWHERE, Caller

KEEPALIVE = b": keepalive\n\n"
_PREFIX = EVT.subjects[0].removesuffix(">")
_PLACES_BEFORE_PROJECT = "*.*.*.*"
"""Service, noun, verb and major version."""
_CDEVENT = "cdevent"
_CDEVENTS = f"*.{_CDEVENT}.*.*"
_NOUN = 3
_HIGHEST_SEQUENCE = 2**63


class StreamFormat(StrEnum):
    """In whose words facts are told."""

    HALLMARK = "hallmark"
    CDEVENTS = "cdevents"


def subjects_for(
    caller: Caller, project: str | None, application: str | None, form: StreamFormat = StreamFormat.HALLMARK
) -> list[str]:
    """The NATS subjects a reader may and wants to read. Raises `Forbidden` or `Invalid`."""
    if application and not project:
        raise Invalid(
            "project_missing", "An application is looked for, but no project.", remedy="Send ?project= as well."
        )
    if project:
        caller.require_member(project, application)
        places = [(project, application or "*")]
    elif caller.grants.get(EVERYWHERE):
        return [EVT.subjects[0]] if form is StreamFormat.HALLMARK else [f"{_PREFIX}{_CDEVENTS}.*.*"]
    else:
        places = _all_of(caller)
    if not places:
        raise Forbidden(
            "role_missing",
            f"{caller.actor.subject} holds no role in any project.",
            remedy="Ask an administrator for a token with the role viewer.",
        )
    before = _PLACES_BEFORE_PROJECT if form is StreamFormat.HALLMARK else _CDEVENTS
    return [f"{_PREFIX}{before}.{whose}.{what}" for whose, what in places]


def _all_of(caller: Caller) -> list[tuple[str, str]]:
    """Projects and applications a caller may read, no part of them twice: NATS refuses filters that overlap."""
    whole = {project for project, roles in caller.grants.items() if roles}
    single = {
        (project, application)
        for project, held in caller.confined.items()
        for application, roles in held.items()
        if roles and project not in whole
    }
    return sorted({(project, "*") for project in whole} | single)


def is_of(form: StreamFormat, subject: str) -> bool:
    """Whether a fact on this subject is told in this form."""
    return (subject.split(".")[_NOUN] == _CDEVENT) == (form is StreamFormat.CDEVENTS)


def sequence_after(last_event_id: str | None) -> int | None:
    """Where a reader goes on; None to hear what is new only. Raises `Invalid` for what is no id of ours."""
    if not last_event_id:
        return None
    if not (last_event_id.isascii() and last_event_id.isdigit() and int(last_event_id[:20]) < _HIGHEST_SEQUENCE):
        raise Invalid(
            "event_id_malformed",
            "Last-Event-ID is not the id of an event.",
            remedy="Send the id of the last event received, or leave the header out.",
        )
    return int(last_event_id) + 1


def kind_of(subject: str) -> str:
    """Noun and verb of the fact on a subject: `version.moved`."""
    return ".".join(subject.split(".")[_NOUN : _NOUN + 2])


def frame(subject: str, sequence: int, body: bytes, cdevent_type: str = "") -> bytes:
    """One fact as it goes over the wire."""
    name = cdevent_type or kind_of(subject)
    # A line break inside the data would end the field and could begin another one.
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    data = b"".join(b"data: " + line + b"\n" for line in lines)
    return f"id: {sequence}\nevent: {name}\n".encode() + data + b"\n"


def notice(subject: str, sequence: int) -> bytes:
    """That a fact there was, for pages, which ask for what they show anew: `{"fact": "version.moved", ...}`."""
    words = subject.split(".")
    project, application = [*words[_NOUN + 3 :], "", ""][:2]
    said = {"fact": kind_of(subject), "project": project, "application": application}
    return f"id: {sequence}\ndata: {json.dumps(said)}\n\n".encode()
