"""Gathers the files of a bundle from the answers of the services, in the name of whoever asks for it.

Promotions go in as the facts that were logged about their ends, and only keys that signed something go in: what could
not be checked has no place in a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from contracts.evidence.v1 import queries as evidence
from contracts.evidence.v1 import views as evidence_views
from contracts.gate.v1 import queries as gate
from contracts.gate.v1.views import PolicyView, VerdictPage, VerdictView
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest, Outcome, PromotionState, SourceCommit, utc
from services.gateway.asking import Asking
from services.gateway.bundle import Bundle, Since
from services.gateway.http.versions import subjects_of
from shared.crypto import dsse, keys, note
from shared.digests import JsonValue, canonical_digest, canonical_json, sha256_digest
from shared.errors import HallmarkError, Transient
from shared.records import item_record

_ENDED = {PromotionState.DENIED, PromotionState.CANCELLED, PromotionState.EXPIRED, PromotionState.FAILED}
ReadBlob = Callable[[Digest], Awaitable[bytes]]


async def gather(
    asking: Asking, which: ShowVersion, read_blob: ReadBlob, *, max_bytes: int, since: Since | None = None
) -> tuple[Bundle, VersionView]:
    """All files on one version. Raises what services refuse, `TooLarge`, or `Transient` while the log catches up."""
    bundle = Bundle(max_bytes)
    version = await _add_version(bundle, asking, which)
    # Each rests on those after it, so that whatever happens meanwhile leaves nothing without its grounds.
    await _add_promotions(bundle, asking, which, read_blob)
    await _add_verdicts(bundle, asking, which)
    await _add_evidence(bundle, asking, version, read_blob)
    await _add_trust_roots(bundle, asking, version)
    checkpoint = await _add_log(bundle, asking, version, since)
    await _add_keys(bundle, asking, checkpoint)
    return bundle, version


async def _add_version(bundle: Bundle, asking: Asking, which: ShowVersion) -> VersionView:
    version = await asking.ask_as(which, VersionView)
    manifest: JsonValue = {
        "v": 1,
        "project": version.project,
        "application": version.application,
        "version": version.version,
        "artifacts": [
            {"digest": one.digest, "purl": one.purl} for one in sorted(version.artifacts, key=lambda one: one.digest)
        ],
        "nested": sorted(version.nested),
        "source": _source(version.source) if version.source else None,
    }
    bundle.add_json("manifest.json", manifest)
    return version


def _source(source: SourceCommit) -> JsonValue:
    return {
        "repository": source.repository,
        "commit": source.commit,
        "branch": source.branch,
        "committed_at": utc(source.committed_at) if source.committed_at else None,
    }


async def _add_evidence(bundle: Bundle, asking: Asking, version: VersionView, read_blob: ReadBlob) -> None:
    subjects = subjects_of(version)
    for start in range(0, len(subjects), 1000):
        query = evidence.ListEvidence(project=version.project, subjects=subjects[start : start + 1000], limit=500)
        while True:
            page = await asking.ask_as(query, evidence_views.EvidencePage)
            for view in page.evidence:
                record = item_record(view.item)
                bundle.add_named("evidence", record, sha256_digest(record))
                bundle.add_named("envelopes", await read_blob(view.item.content_digest), view.item.content_digest)
                bundle.note(view.item.evidence_id, sha256_digest(record))
                if view.item.verified and view.item.facts.kind == "approval":
                    bundle.own.append(view.item.content_digest)
            if page.next is None:
                break
            query = query.model_copy(update={"after": page.next})


async def _add_verdicts(bundle: Bundle, asking: Asking, which: ShowVersion) -> None:
    query = gate.ListVerdicts(project=which.project, application=which.application, version=which.version)
    while True:
        page = await asking.ask_as(query, VerdictPage)
        for listed in page.verdicts:
            one = gate.ShowVerdict(project=which.project, verdict_id=listed.verdict_id)
            verdict = await asking.ask_as(one, VerdictView)
            said = verdict.model_dump(mode="json")
            bundle.add_json(f"verdicts/{verdict.verdict_id}.json", said)
            announced = {name: value for name, value in said.items() if name != "considered"}
            bundle.note(verdict.verdict_id, canonical_digest(announced))
            await _add_policies(bundle, asking, verdict)
        if page.next is None:
            break
        query = query.model_copy(update={"after": page.next})


async def _add_policies(bundle: Bundle, asking: Asking, verdict: VerdictView) -> None:
    for digest in verdict.policy_digests:
        if digest not in bundle.facts:
            policy = await asking.ask_as(gate.ShowPolicy(project=verdict.project, digest=digest), PolicyView)
            bundle.add_named("policies", canonical_json(policy.document), digest)
            bundle.note(digest, digest)


async def _add_promotions(bundle: Bundle, asking: Asking, which: ShowVersion, read_blob: ReadBlob) -> None:
    query = ListPromotions(project=which.project, application=which.application, version=which.version)
    while True:
        page = await asking.ask_as(query, PromotionPage)
        for promotion in page.promotions:
            if fact := _ended_as(promotion):
                said = fact.model_dump(mode="json")
                bundle.add_json(f"promotions/{promotion.promotion_id}.json", said)
                bundle.note(promotion.promotion_id, canonical_digest(said))
            if promotion.state is PromotionState.COMPLETED:
                await _add_passages(bundle, asking, promotion, read_blob)
        if page.next is None:
            break
        query = query.model_copy(update={"after": page.next})


def _ended_as(promotion: PromotionView) -> PromotionCompleted | PromotionEnded | None:
    """The fact that was logged about the end of a promotion; None while it is open."""
    last = promotion.history[-1] if promotion.history else None
    if last is None or promotion.state not in {PromotionState.COMPLETED, *_ENDED}:
        return None
    said = promotion.model_dump() | {"because": last.because, "at": last.at}
    if promotion.state is PromotionState.COMPLETED:
        return PromotionCompleted.model_validate(said)
    not_passed = [finding for finding in promotion.findings if finding.outcome is not Outcome.ALLOW]
    return PromotionEnded.model_validate(said | {"findings": not_passed})


async def _add_passages(bundle: Bundle, asking: Asking, promotion: PromotionView, read_blob: ReadBlob) -> None:
    query = evidence.ListAttestations(project=promotion.project, promotion_id=promotion.promotion_id)
    for one in (await asking.ask_as(query, evidence_views.Attestations)).attestations:
        bundle.add_named("passages", await read_blob(one.content_digest), one.content_digest)
        bundle.note(one.content_digest, one.content_digest)
        bundle.own.append(one.content_digest)


async def _add_trust_roots(bundle: Bundle, asking: Asking, version: VersionView) -> None:
    query = evidence.ListTrustRoots(project=version.project, every_revision=True)
    for root in (await asking.ask_as(query, evidence_views.TrustRoots)).trust_roots:
        document = canonical_json(root.document)
        bundle.add_named("trust-roots", document, sha256_digest(document))
        bundle.note(root.trust_root, sha256_digest(document))


async def _add_log(
    bundle: Bundle, asking: Asking, version: VersionView, since: Since | None
) -> evidence_views.Checkpoint:
    entries = await _entries(bundle, asking, version)
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


async def _entries(bundle: Bundle, asking: Asking, version: VersionView) -> dict[int, evidence_views.LoggedEntry]:
    found: dict[int, evidence_views.LoggedEntry] = {}
    for about, pinned in bundle.facts.items():
        missing = set(pinned)
        query = evidence.ListLogEntries(about=about, limit=500)
        while True:
            page = await asking.ask_as(query, evidence_views.LogPage)
            for entry in page.entries:
                said = json.loads(entry.entry)
                # Names such as those of trust roots are the same in several projects, and facts have other entries too.
                digest = said.get("record") or said["digest"]
                if said["project"] == version.project and digest in pinned:
                    found[entry.index] = entry
                    missing.discard(digest)
            if page.next is None:
                break
            query = query.model_copy(update={"after": page.next})
        if missing:
            raise Transient("log_behind", f"The log has no entry about {about} yet.")
    return found


async def _add_keys(bundle: Bundle, asking: Asking, checkpoint: evidence_views.Checkpoint) -> None:
    signing = await asking.ask_as(evidence.ReadSigningKeys(), evidence_views.SigningKeys)
    envelopes = [dsse.parse(bundle.files[path]) for path in bundle.files if path in _paths_of(bundle.own)]
    used = [pem for pem in signing.keys if any(dsse.verify(one, [keys.load_public(pem)]) for one in envelopes)]
    bundle.add_json(
        "keys.json",
        {
            "signing_keys": sorted(used),
            "log_verifier_keys": [line for line in checkpoint.verifier_keys if _signed(checkpoint.note, line)],
            "log_origin": checkpoint.origin,
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
