"""Gathers the log's part of a bundle: entries, proofs, the signed state, and the keys that signed something.

Keys that signed nothing in it stay out: what could not be checked has no place in a bundle.
"""

from __future__ import annotations

import json

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
    listed: list[JsonValue] = []
    for index, entry in sorted(entries.items()):
        if index >= checkpoint.size:
            raise Transient("log_behind", f"Log entry {index} is not covered by a checkpoint yet.")
        query = evidence.ProveInclusion(index=index, size=checkpoint.size)
        proof = await asking.ask_as(query, evidence_views.InclusionProof)
        listed.append({"index": index, "entry": entry.entry, "proof": list(proof.hashes)})
    bundle.add_json("log/entries.json", {"entries": listed})
    bundle.add("checkpoint.note", checkpoint.note.encode())
    if since:
        grown = evidence.ProveConsistency(first=since.size, second=checkpoint.size)
        hashes = (await asking.ask_as(grown, evidence_views.ConsistencyProof)).hashes
        bundle.add_json("log/consistency.json", {**since._asdict(), "hashes": list(hashes)})
    return checkpoint


async def _entries(bundle: Bundle, asking: Asking) -> dict[int, evidence_views.LoggedEntry]:
    found: dict[int, evidence_views.LoggedEntry] = {}
    for (project, about), pinned in bundle.facts.items():
        missing = set(pinned)
        query = evidence.ListLogEntries(about=about, limit=500)
        while True:
            page = await asking.ask_as(query, evidence_views.LogPage)
            for entry in page.entries:
                said = json.loads(entry.entry)
                # Names such as those of trust roots are the same in several projects, and facts have other entries too.
                digest = said.get("record") or said["digest"]
                if said["project"] == project and digest in pinned:
                    found[entry.index] = entry
                    missing.discard(digest)
            if page.next is None:
                break
            query = query.model_copy(update={"after": page.next})
        if missing:
            raise Transient("log_behind", f"The log has no entry about {about} yet.")
    return found


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
