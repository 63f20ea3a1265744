"""Gathers the files of a bundle from the answers of the services, in the name of whoever asks for it.

Promotions go in as the facts that were logged about their ends: what could not be checked has no place in a bundle.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from contracts.evidence.v1 import queries as evidence
from contracts.evidence.v1 import views as evidence_views
from contracts.facts import EarlierStanding, EvidenceItem
from contracts.gate.v1 import queries as gate
from contracts.gate.v1.views import ONLY_IN_VIEWS, PolicyView, VerdictKeys, VerdictPage, VerdictView
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.queries import ShowVersion
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Digest, PromotionState, SourceCommit, utc
from services.gateway.asking import Asking
from services.gateway.bundle import Bundle, Since
from services.gateway.gathering_log import add_log
from services.gateway.http.versions import subjects_of
from shared.digests import JsonValue, canonical_digest, canonical_json, sha256_digest
from shared.identity import EVERYWHERE
from shared.records import item_record
from shared.trust.statement import WITHDRAWAL_TYPE

_ENDED = {PromotionState.DENIED, PromotionState.CANCELLED, PromotionState.EXPIRED, PromotionState.FAILED}
_JUDGED = EvidenceItem.model_fields.keys() & EarlierStanding.model_fields.keys()
ReadBlob = Callable[[Digest], Awaitable[bytes]]


async def gather(
    asking: Asking, which: ShowVersion, read_blob: ReadBlob, *, max_bytes: int, since: Since | None = None
) -> tuple[Bundle, VersionView]:
    """All files on one version. Raises what services refuse, `TooLarge`, or `Transient` while the log catches up."""
    bundle = Bundle(max_bytes, which.project)
    version = await _add_version(bundle, asking, which)
    # Each rests on those after it, so that whatever happens meanwhile leaves nothing without its grounds.
    await _add_promotions(bundle, asking, which, read_blob)
    await _add_verdicts(bundle, asking, which)
    await _add_evidence(bundle, asking, version, read_blob)
    await _add_trust_roots(bundle, asking, version)
    await add_log(bundle, asking, since)
    return bundle, version


async def _add_version(bundle: Bundle, asking: Asking, which: ShowVersion) -> VersionView:
    version = await asking.ask_as(which, VersionView)
    bundle.add_json("manifest.json", manifest_of(version))
    return version


def manifest_of(version: VersionView) -> JsonValue:
    """The manifest whose canonical form has the version's digest, as the registry writes it."""
    return {
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


def _source(source: SourceCommit) -> JsonValue:
    return {
        "repository": source.repository,
        "commit": source.commit,
        "branch": source.branch,
        "committed_at": utc(source.committed_at) if source.committed_at else None,
        **{name: who for name in ("author", "committer") if (who := getattr(source, name)) is not None},
    }


async def _add_evidence(bundle: Bundle, asking: Asking, version: VersionView, read_blob: ReadBlob) -> None:
    subjects = subjects_of(version)
    for start in range(0, len(subjects), 1000):
        query = evidence.ListEvidence(project=version.project, subjects=subjects[start : start + 1000], limit=500)
        while True:
            page = await asking.ask_as(query, evidence_views.EvidencePage)
            for view in page.evidence:
                for item in _forms(view):
                    record = item_record(item)
                    bundle.add_named("evidence", record, sha256_digest(record))
                    bundle.note(item.evidence_id, sha256_digest(record))
                bundle.add_named("envelopes", await read_blob(view.item.content_digest), view.item.content_digest)
                if view.item.verified and view.item.facts.kind == "approval":
                    bundle.own.append(view.item.content_digest)
            if page.next is None:
                break
            query = query.model_copy(update={"after": page.next})


def _forms(view: evidence_views.EvidenceView) -> Iterator[EvidenceItem]:
    """The item as it stands, and as it stood before each judgement: verdicts from then rest on that."""
    yield view.item
    for before in view.history:
        yield view.item.model_copy(update={name: getattr(before, name) for name in _JUDGED})


async def _add_verdicts(bundle: Bundle, asking: Asking, which: ShowVersion) -> None:
    published = await asking.ask_as(gate.ListVerdictKeys(), VerdictKeys)
    known = {one.key_id: one.pem for one in published.keys}
    query = gate.ListVerdicts(project=which.project, application=which.application, version=which.version)
    while True:
        page = await asking.ask_as(query, VerdictPage)
        shown = (gate.ShowVerdict(project=which.project, verdict_id=one.verdict_id) for one in page.verdicts)
        for verdict in await asking.ask_each(shown, VerdictView):
            said = verdict.model_dump(mode="json")
            bundle.add_json(f"verdicts/{verdict.verdict_id}.json", said)
            announced = {name: value for name, value in said.items() if name not in ONLY_IN_VIEWS}
            bundle.note(verdict.verdict_id, canonical_digest(announced))
            if verdict.signature and (pem := known.get(verdict.signature.key_id)):
                bundle.add_named("gate-keys", canonical_json({"pem": pem}), verdict.signature.key_id)
                bundle.note(verdict.signature.key_id, verdict.signature.key_id, EVERYWHERE)
            await _add_policies(bundle, asking, verdict)
        if page.next is None:
            break
        query = query.model_copy(update={"after": page.next})


async def _add_policies(bundle: Bundle, asking: Asking, verdict: VerdictView) -> None:
    for digest in verdict.policy_digests:
        if f"policies/{digest.removeprefix('sha256:')}.json" not in bundle.files:
            policy = await asking.ask_as(gate.ShowPolicy(project=verdict.project, digest=digest), PolicyView)
            bundle.add_named("policies", canonical_json(policy.document), digest)
            bundle.note(digest, digest, policy.project)


async def _add_promotions(bundle: Bundle, asking: Asking, which: ShowVersion, read_blob: ReadBlob) -> None:
    query = ListPromotions(project=which.project, application=which.application, version=which.version)
    while True:
        page = await asking.ask_as(query, PromotionPage)
        for promotion in page.promotions:
            if fact := _ended_as(promotion):
                said = fact.model_dump(mode="json")
                bundle.add_json(f"promotions/{promotion.promotion_id}.json", said)
                bundle.note(promotion.promotion_id, canonical_digest(said))
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
        return PromotionCompleted.model_validate(said | {"trusted": promotion.may_be_trusted})
    not_passed = [finding for finding in promotion.findings if not finding.lets_pass]
    return PromotionEnded.model_validate(said | {"findings": not_passed})


async def _add_passages(bundle: Bundle, asking: Asking, promotion: PromotionView, read_blob: ReadBlob) -> None:
    query = evidence.ListAttestations(project=promotion.project, promotion_id=promotion.promotion_id)
    for one in (await asking.ask_as(query, evidence_views.Attestations)).attestations:
        if not _proves(promotion.state, one):
            continue
        bundle.add_named("passages", await read_blob(one.content_digest), one.content_digest)
        bundle.note(one.content_digest, one.content_digest)
        bundle.own.append(one.content_digest)


def _proves(state: PromotionState, one: evidence_views.Attestation) -> bool:
    """Whether a statement has a place in a bundle: it is behind a move, or says that there was none behind it."""
    return state is PromotionState.COMPLETED or one.withdrawn or one.predicate_type == WITHDRAWAL_TYPE


async def _add_trust_roots(bundle: Bundle, asking: Asking, version: VersionView) -> None:
    query = evidence.ListTrustRoots(project=version.project, every_revision=True)
    for root in (await asking.ask_as(query, evidence_views.TrustRoots)).trust_roots:
        document = canonical_json(root.document)
        bundle.add_named("trust-roots", document, sha256_digest(document))
        # A shared root may be another project's.
        bundle.note(root.trust_root, sha256_digest(document), root.project)
