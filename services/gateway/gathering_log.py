"""Gathers the log's part of a bundle: entries, proofs, the signed state, and the keys that signed something.

Keys that signed nothing in it stay out: what could not be checked has no place in a bundle.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from contracts.evidence.v1 import queries as evidence
from contracts.evidence.v1 import views as evidence_views
from contracts.vocabulary import Digest
from services.gateway.asking import Asking
from services.gateway.bundle import Bundle, Since
from shared.crypto import dsse, keys, note
from shared.digests import JsonValue
from shared.errors import HallmarkError, Transient
from shared.identity import EVERYWHERE


async def add_log(bundle: Bundle, asking: Asking, since: Since | None) -> None:
    """Take in all that the log has on what is gathered. Raises `Transient` while the log catches up."""
    signing = await _signing_keys(bundle, asking)
    checkpoint = await _add_entries(bundle, asking, since)
    _add_keys(bundle, signing, checkpoint)


async def _signing_keys(bundle: Bundle, asking: Asking) -> evidence_views.SigningKeys:
    signing = await asking.ask_as(evidence.ReadSigningKeys(), evidence_views.SigningKeys)
    for handover in signing.handovers:
        bundle.note(handover.new, json.loads(handover.entry)["digest"], EVERYWHERE)
    return signing


async def _add_entries(bundle: Bundle, asking: Asking, since: Since | None) -> evidence_views.Checkpoint:
    entries = await _entries(bundle, asking)
    # Read after the entries, so that it covers them unless the log is just being written.
    checkpoint = await asking.ask_as(evidence.ReadCheckpoint(), evidence_views.Checkpoint)
    indexes = sorted(entries)
    if indexes and indexes[-1] >= checkpoint.size:
        raise Transient("log_behind", f"Log entry {indexes[-1]} is not covered by a checkpoint yet.")
    questions = (evidence.ProveInclusion(index=index, size=checkpoint.size) for index in indexes)
    proofs = await asking.ask_each(questions, evidence_views.InclusionProof)
    listed: list[JsonValue] = [
        {"index": index, "entry": entries[index].entry, "proof": list(proof.hashes)}
        for index, proof in zip(indexes, proofs, strict=True)
    ]
    bundle.add_json("log/entries.json", {"entries": listed})
    bundle.add("checkpoint.note", checkpoint.note.encode())
    if since:
        grown = evidence.ProveConsistency(first=since.size, second=checkpoint.size)
        hashes = (await asking.ask_as(grown, evidence_views.ConsistencyProof)).hashes
        bundle.add_json("log/consistency.json", {**since._asdict(), "hashes": list(hashes)})
    return checkpoint


async def _entries(bundle: Bundle, asking: Asking) -> dict[int, evidence_views.LoggedEntry]:
    found: dict[int, evidence_views.LoggedEntry] = {}
    queries = [evidence.ListLogEntries(about=about, limit=500) for _, about in bundle.facts]
    first = await asking.ask_each(queries, evidence_views.LogPage)
    for ((project, about), pinned), query, page in zip(bundle.facts.items(), queries, first, strict=True):
        missing = set(pinned)
        async for entry in _all_entries(asking, query, page):
            said = json.loads(entry.entry)
            # Names such as those of trust roots are the same in several projects, and facts have other entries too.
            digest = said.get("record") or said["digest"]
            if said["project"] == project and digest in pinned:
                found[entry.index] = entry
                missing.discard(digest)
        if missing:
            raise Transient("log_behind", f"The log has no entry about {about} yet.")
    return found


async def _all_entries(
    asking: Asking, query: evidence.ListLogEntries, page: evidence_views.LogPage
) -> AsyncIterator[evidence_views.LoggedEntry]:
    """Those of the first page, and of the pages after it."""
    while True:
        for entry in page.entries:
            yield entry
        if page.next is None:
            return
        query = query.model_copy(update={"after": page.next})
        page = await asking.ask_as(query, evidence_views.LogPage)


def _add_keys(bundle: Bundle, signing: evidence_views.SigningKeys, checkpoint: evidence_views.Checkpoint) -> None:
    # The keys were read first, so that the checkpoint covers their handovers; it may be signed by a newer one by now.
    if signing.published_keys and checkpoint.verifier_keys[0] != signing.published_keys[-1].verifier_key:
        raise Transient("log_behind", "The log's key changed while the bundle was made.")
    envelopes = [dsse.parse(bundle.files[path]) for path in bundle.files if path in _paths_of(bundle.own)]
    used = [pem for pem in signing.keys if any(dsse.verify(one, [keys.load_public(pem)]) for one in envelopes)]
    bundle.add_json(
        "keys.json",
        {
            "signing_keys": sorted(used),
            "log_verifier_keys": [line for line in checkpoint.verifier_keys if _signed(checkpoint.note, line)],
            "log_origin": checkpoint.origin,
            "handovers": [one.model_dump(mode="json") for one in signing.handovers],
        },
    )


def _paths_of(digests: list[Digest]) -> set[str]:
    names = [digest.removeprefix("sha256:") for digest in digests]
    return {f"{folder}/{name}.json" for folder in ("envelopes", "passages") for name in names}


def _signed(checkpoint: str, line: str) -> bool:
    try:
        note.verify(checkpoint.encode(), [note.parse_key(line)])
    except HallmarkError:
        return False
    return True
