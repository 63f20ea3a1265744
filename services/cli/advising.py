"""What a refused request lacks, said with what is there: stages by name, versions that come near, what is under way.

The refusal and its code stay the service's; only its remedy says more. Nobody is told what they could not look up.
"""

from __future__ import annotations

import difflib
import re

from services.cli.client import Client
from services.cli.commands.arguments import VersionRef
from shared.errors import HallmarkError, Rejection

_LOOKED_AT = 100
_NAMED = 3
_PROMOTION_ID = re.compile(r"\bpr-[0-9a-f]+\b")


def advised(client: Client, ref: VersionRef, error: Rejection) -> Rejection:
    """The same refusal with a remedy that names names; as it is when there is nothing to add."""
    try:
        more = _more(client, ref, error)
    except HallmarkError:  # What would help cannot be had: the refusal matters, not the help.
        more = ""
    return type(error)(error.code, error.message, remedy=f"{error.remedy} {more}".strip()) if more else error


def _more(client: Client, ref: VersionRef, error: Rejection) -> str:
    match error.code:
        case "stage_unknown" | "promotion_skips_stage" | "release_too_early" | "rollback_to_stranger":
            return _stages(client, ref)
        case "version_unknown":
            return _versions(client, ref)
        case "promotion_in_progress":
            found = _PROMOTION_ID.search(error.message)
            return f"See `hallmark promotion show {found[0]} -p {ref.project} --wait`." if found else ""
        case _:
            return ""


def _stages(client: Client, ref: VersionRef) -> str:
    version = client.get(ref.path)
    names = " → ".join(stage["name"] for stage in version["lifecycle"])
    stands = f"stands in {version['stage']}" if version["stage"] else "has entered none yet"
    return f"The stages are {names}; {ref.version} {stands}."


def _versions(client: Client, ref: VersionRef) -> str:
    path = f"/projects/{ref.project}/applications/{ref.application}/versions"
    known = [one["version"] for one in client.get(path, limit=_LOOKED_AT)["versions"]]
    if not known:
        return f"{ref.application} has no versions yet, or does not exist: see `hallmark version list`."
    near = difflib.get_close_matches(ref.version, known, n=_NAMED)
    return f"Did you mean {' or '.join(near)}?" if near else f"The newest are {', '.join(known[:_NAMED])}."
