"""The offline bundle: everything that somebody who trusts nobody here needs to check one version.

- Composed from answers of the other services only, so it holds nothing that the caller may not see.
- All or nothing: a part that is missing fails the whole export. A bundle with holes would look like a forged one.
- All inclusion proofs are against one checkpoint, which lies in the bundle too.
- Version 1 of the format, which `bundle.json` states: every file with its SHA-256 and size.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.evidence.v1 import queries as evidence
from contracts.evidence.v1 import views as evidence_views
from contracts.gate.v1 import queries as gate
from contracts.gate.v1.views import VerdictPage, VerdictView
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest, utc
from services.gateway.asking import Asking
from services.gateway.http.versions import subjects_of
from shared.errors import TooLarge, Transient

FORMAT_VERSION = 1
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""What zip files say when they say nothing: the same content gives the same bytes."""

ReadBlob = Callable[[Digest], Awaitable[bytes]]


@dataclass
class Bundle:
    """Files that are being gathered."""

    max_bytes: int
    files: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, None] = field(default_factory=dict)
    """Ids under which the log may hold entries on what is in here, in the order they were met."""
    size: int = 0

    def add(self, path: str, content: bytes) -> None:
        """Take a file in. Raises `TooLarge` when the bundle gets larger than allowed."""
        if path in self.files:
            return
        self.size += len(content)
        if self.size > self.max_bytes:
            raise TooLarge(
                "bundle_too_large",
                f"The bundle would have more than {self.max_bytes} bytes.",
                remedy="Ask whoever runs this Hallmark to raise HALLMARK_MAX_BUNDLE_BYTES.",
            )
        self.files[path] = content

    def add_json(self, path: str, value: Any) -> None:
        """Take a JSON document in. Raises as `add`."""
        self.add(path, _json(value))

    def note(self, ids: Iterable[str]) -> None:
        """Remember facts whose log entries belong in."""
        self.facts.update(dict.fromkeys(ids))

    def zipped(self, version: VersionView, made_at: datetime) -> bytes:
        """The bundle as a zip file, its table of contents first."""
        contents = [
            {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for path, content in sorted(self.files.items())
        ]
        about = {
            "format": "hallmark-bundle",
            "format_version": FORMAT_VERSION,
            "project": version.project,
            "application": version.application,
            "version": version.version,
            "version_digest": version.digest,
            "made_at": utc(made_at),
            "files": contents,
        }
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in (("bundle.json", _json(about)), *sorted(self.files.items())):
                archive.writestr(zipfile.ZipInfo(path, _NO_TIME), content, zipfile.ZIP_DEFLATED)
        return written.getvalue()


async def gather(
    asking: Asking, which: ShowVersion, read_blob: ReadBlob, *, max_bytes: int
) -> tuple[Bundle, VersionView]:
    """All files on one version. Raises what services refuse, `TooLarge`, or `Transient` while the log catches up."""
    bundle = Bundle(max_bytes)
    version = await _add_version(bundle, asking, which)
    await _add_evidence(bundle, asking, version, read_blob)
    await _add_verdicts(bundle, asking, which)
    await _add_promotions(bundle, asking, which, read_blob)
    await _add_keys(bundle, asking, version)
    await _add_log(bundle, asking, version)
    return bundle, version


async def _add_version(bundle: Bundle, asking: Asking, which: ShowVersion) -> VersionView:
    version = await asking.ask_as(which, VersionView)
    bundle.add_json("manifest.json", version.model_dump(mode="json"))
    return version


async def _add_evidence(bundle: Bundle, asking: Asking, version: VersionView, read_blob: ReadBlob) -> None:
    subjects = subjects_of(version)
    for start in range(0, len(subjects), 1000):
        query = evidence.ListEvidence(project=version.project, subjects=subjects[start : start + 1000], limit=500)
        while True:
            page = await asking.ask_as(query, evidence_views.EvidencePage)
            for view in page.evidence:
                item = view.item
                bundle.add_json(f"evidence/{item.evidence_id}.json", view.model_dump(mode="json"))
                bundle.add(f"evidence/{item.evidence_id}.dsse.json", await read_blob(item.content_digest))
                bundle.note([item.evidence_id])
            if page.next is None:
                break
            query = query.model_copy(update={"after": page.next})


async def _add_verdicts(bundle: Bundle, asking: Asking, which: ShowVersion) -> None:
    query = gate.ListVerdicts(project=which.project, application=which.application, version=which.version)
    while True:
        page = await asking.ask_as(query, VerdictPage)
        for verdict in page.verdicts:
            bundle.add_json(f"verdicts/{verdict.verdict_id}.json", verdict.model_dump(mode="json"))
            bundle.note([verdict.verdict_id])
            await _add_policies(bundle, asking, verdict)
        if page.next is None:
            break
        query = query.model_copy(update={"after": page.next})


async def _add_policies(bundle: Bundle, asking: Asking, verdict: VerdictView) -> None:
    for digest in verdict.policy_digests:
        path = f"policies/{digest.removeprefix('sha256:')}.json"
        if path not in bundle.files:
            bundle.add_json(path, await asking.ask(gate.ShowPolicy(project=verdict.project, digest=digest)))
            bundle.note([digest])


async def _add_promotions(bundle: Bundle, asking: Asking, which: ShowVersion, read_blob: ReadBlob) -> None:
    query = ListPromotions(project=which.project, application=which.application, version=which.version)
    while True:
        page = await asking.ask_as(query, PromotionPage)
        for promotion in page.promotions:
            bundle.add_json(f"promotions/{promotion.promotion_id}.json", promotion.model_dump(mode="json"))
            bundle.note([promotion.promotion_id])
            await _add_passage(bundle, promotion, read_blob)
        if page.next is None:
            break
        query = query.model_copy(update={"after": page.next})


async def _add_passage(bundle: Bundle, promotion: PromotionView, read_blob: ReadBlob) -> None:
    if promotion.passage_digest:
        envelope = await read_blob(promotion.passage_digest)
        bundle.add(f"passages/{promotion.promotion_id}.dsse.json", envelope)
        bundle.note([promotion.passage_digest])


async def _add_keys(bundle: Bundle, asking: Asking, version: VersionView) -> None:
    signing = await asking.ask_as(evidence.ReadSigningKeys(), evidence_views.SigningKeys)
    roots = await asking.ask_as(evidence.ListTrustRoots(project=version.project), evidence_views.TrustRoots)
    bundle.note(root.trust_root for root in roots.trust_roots)
    checkpoint = await asking.ask_as(evidence.ReadCheckpoint(), evidence_views.Checkpoint)
    keys = {
        "signing_keys": list(signing.keys),
        "log_verifier_keys": list(checkpoint.verifier_keys),
        "log_origin": checkpoint.origin,
        "trust_roots": [root.model_dump(mode="json") for root in roots.trust_roots],
    }
    bundle.add_json("keys.json", keys)


async def _add_log(bundle: Bundle, asking: Asking, version: VersionView) -> None:
    entries = await _entries(bundle, asking, version)
    # Read after the entries, so that it covers them unless the log is just being written.
    checkpoint = await asking.ask_as(evidence.ReadCheckpoint(), evidence_views.Checkpoint)
    listed: list[dict[str, Any]] = []
    for index, entry in sorted(entries.items()):
        if index >= checkpoint.size:
            raise Transient("log_behind", f"Log entry {index} is not covered by a checkpoint yet.")
        query = evidence.ProveInclusion(index=index, size=checkpoint.size)
        proof = await asking.ask_as(query, evidence_views.InclusionProof)
        listed.append({**entry.model_dump(mode="json"), "proof": list(proof.hashes)})
    bundle.add_json("log/entries.json", {"size": checkpoint.size, "entries": listed})
    bundle.add("checkpoint.note", checkpoint.note.encode())


async def _entries(bundle: Bundle, asking: Asking, version: VersionView) -> dict[int, evidence_views.LoggedEntry]:
    found: dict[int, evidence_views.LoggedEntry] = {}
    for about in bundle.facts:
        query = evidence.ListLogEntries(about=about, limit=500)
        while True:
            page = await asking.ask_as(query, evidence_views.LogPage)
            # Names such as those of trust roots are the same in several projects.
            ours = (entry for entry in page.entries if json.loads(entry.entry)["project"] == version.project)
            found |= {entry.index: entry for entry in ours}
            if page.next is None:
                break
            query = query.model_copy(update={"after": page.next})
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
