"""Scripted answers of all five services, and of the evidence store, about one version."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.evidence.v1 import queries as evidence
from contracts.evidence.v1 import views as evidence_views
from contracts.evidence.v1.commands import Receipt, SubmitEvidence
from contracts.evidence.v1.log import KeyHandover
from contracts.facts import EarlierStanding, EvidenceItem, OtherFacts
from contracts.gate.v1 import queries as gate
from contracts.gate.v1 import views as gate_views
from contracts.monitoring.v1.queries import ShowTrust
from contracts.monitoring.v1.views import ReleaseTrust
from contracts.promotion.v1.events import PromotionCompleted
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.queries import ShowProject, ShowVersion
from contracts.registry.v1.views import ProjectView, VersionView
from shared.clock import utc_now
from shared.crypto import keys
from shared.digests import canonical_digest, sha256_digest
from shared.errors import NotFound
from shared.messaging.handlers import Handlers
from shared.records import record_digest
from shared.service import Service
from tests.support.ledger import Ledger

ENVELOPE = b'{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}'
LARGE = b'{"payload":"' + b"A" * 300_000 + b'"}'


def a_version() -> VersionView:
    return VersionView.model_validate(
        {
            "project": "shop",
            "application": "cart",
            "version": "1.0",
            "digest": sha256_digest(b"version"),
            "artifacts": [{"purl": "pkg:pypi/cart@1.0", "digest": sha256_digest(b"artifact")}],
            "created_at": utc_now(),
            "created_by": "ann",
            "release_status": "trusted_release",
            "lifecycle": [],
            "criticality": "high",
        }
    )


def a_verdict() -> gate_views.VerdictView:
    return gate_views.VerdictView.model_validate(
        {
            "verdict_id": "v-1",
            "promotion_id": "p-1",
            "attempt": 1,
            "project": "shop",
            "application": "cart",
            "version": "1.0",
            "version_digest": sha256_digest(b"version"),
            "passages": [],
            "requested_by": "ann",
            "outcome": "allow",
            "findings": [],
            "policy_digests": [sha256_digest(b"policy")],
            "evidence": [],
            "evidence_set": sha256_digest(b""),
            "fingerprint": sha256_digest(b""),
            "judged_at": utc_now(),
            "expires_at": utc_now(),
        }
    )


def a_promotion() -> PromotionView:
    return PromotionView.model_validate(
        {
            "promotion_id": "p-1",
            "project": "shop",
            "application": "cart",
            "version": "1.0",
            "kind": "release",
            "version_digest": sha256_digest(b"version"),
            "from_stage": None,
            "to_stage": "prod",
            "release": True,
            "state": "completed",
            "attempt": 1,
            "requested_by": "ann",
            "reason": "",
            "requested_at": utc_now(),
            "deadline": utc_now(),
            "passage_digest": sha256_digest(ENVELOPE),
            "verdict_id": "v-1",
            "waivers": ["wv-1"],
            "may_be_trusted": False,
            "history": [{"state": "completed", "at": utc_now(), "because": "done"}],
        }
    )


def an_item(evidence_id: str, content: bytes) -> evidence_views.EvidenceView:
    item = EvidenceItem(
        evidence_id=evidence_id,
        content_digest=sha256_digest(content),
        predicate_type="https://example.com/other",
        subjects=(sha256_digest(b"artifact"),),
        verified=False,
        problem="signer_unknown",
        signers=(),
        made_at=utc_now(),
        received_at=utc_now(),
        facts=OtherFacts(),
    )
    return evidence_views.EvidenceView(
        project="shop", application="cart", item=item, size=len(content), submitted_by="ann", log_index=0
    )


def judged_again(view: evidence_views.EvidenceView) -> evidence_views.EvidenceView:
    """The same after a trust root began to believe it."""
    was = {"until": utc_now(), "trust_root": "root", "trust_root_revision": 1}
    before = EarlierStanding.model_validate({**view.item.model_dump(), **was})
    item = view.item.model_copy(update={"revision": 1, "verified": True, "problem": None})
    return view.model_copy(update={"item": item, "history": (before,)})


FIRST = an_item("e-1", ENVELOPE)
ITEMS = [judged_again(FIRST), an_item("e-2", LARGE)]
HANDOVER = KeyHandover(
    old="test+1+old",
    new="test+2+newer",
    index=8,
    entry=json.dumps({"digest": sha256_digest(b"handover")}),
    hashes=(),
    note="test\n9\n",
)
VERDICT = a_verdict()
PROMOTION = a_promotion()
COMPLETED = PromotionCompleted.model_validate(
    {**PROMOTION.model_dump(), "at": PROMOTION.history[-1].at, "replaced": None, "trusted": False}
)


def logged_digest(fact: Any) -> str:
    return canonical_digest(
        {name: value for name, value in fact.model_dump(mode="json").items() if name not in gate_views.ONLY_IN_VIEWS}
    )


LOGGED = {
    "e-1": [("shop", 0, record_digest(FIRST.item)), ("shop", 7, record_digest(ITEMS[0].item))],
    "e-2": [("shop", 1, record_digest(ITEMS[1].item))],
    sha256_digest(b"policy"): [("shop", 2, sha256_digest(b"policy"))],
    "v-1": [("shop", 3, logged_digest(VERDICT))],
    "p-1": [("shop", 4, logged_digest(COMPLETED))],
    sha256_digest(ENVELOPE): [("shop", 5, sha256_digest(ENVELOPE))],
    "root": [("platform", 6, sha256_digest(b"{}"))],
    HANDOVER.new: [("*", 8, sha256_digest(b"handover"))],
}
"""By what they are about: project, index and digest of log entries."""


def everybody(  # noqa: C901 - one small answer after the other
    received: list[SubmitEvidence], public: list[bool]
) -> Service[Any]:
    """Answers for all five services."""
    handlers: Handlers[Ledger] = Handlers(Ledger)
    checkpoint = evidence_views.Checkpoint(
        origin="test", size=9, root=sha256_digest(b""), note="test\n5\n", verifier_keys=("test+1+k",)
    )
    items = ITEMS
    root = evidence_views.TrustRootView.model_validate(
        {
            "trust_root": "root",
            "project": "platform",
            "shared": True,
            "keys": [],
            "key_ids": [],
            "predicate_types": ["*"],
            "role": "build",
            "valid_from": None,
            "distrust_after": None,
            "threshold": 1,
            "revision": 1,
        }
    )

    @handlers.query(ShowProject)
    async def show_project(query: ShowProject, work: Ledger) -> ProjectView:  # noqa: ARG001
        return ProjectView(project=query.project, title="Shop", public_badges=public[0], revision=1)

    @handlers.query(ShowVersion)
    async def show_version(query: ShowVersion, work: Ledger) -> VersionView:
        work.unit.caller.require_member(query.project)
        if query.version != "1.0":
            raise NotFound("version_unknown", "No such version.")
        return a_version()

    @handlers.query(ShowTrust)
    async def show_trust(query: ShowTrust, work: Ledger) -> ReleaseTrust:  # noqa: ARG001
        known = {"stage": "prod", "current": True, "trust": "at_risk", "since": utc_now(), "components": 1}
        return ReleaseTrust.model_validate({**a_version().model_dump(), **known, "version_digest": a_version().digest})

    @handlers.command(SubmitEvidence)
    async def submit(command: SubmitEvidence, work: Ledger) -> Receipt:  # noqa: ARG001
        received.append(command)
        digest = command.content_digest or sha256_digest((command.envelope or "").encode())
        known = {"evidence_id": "e-1", "content_digest": digest, "verified": False, "problem": "signer_unknown"}
        rest = {"predicate_type": "x", "kind": "other", "signers": [], "positions": {}, "duplicate": False}
        return Receipt.model_validate({**known, **rest})

    @handlers.query(evidence.ListEvidence)
    async def list_evidence(query: evidence.ListEvidence, work: Ledger) -> evidence_views.EvidencePage:  # noqa: ARG001
        assert query.subjects == (sha256_digest(b"version"), sha256_digest(b"artifact"))
        # Two pages, so that nobody stops after the first.
        if query.after is None:
            return evidence_views.EvidencePage(evidence=tuple(items[:1]), next="e-1")
        return evidence_views.EvidencePage(evidence=tuple(items[1:]))

    @handlers.query(evidence.ShowEvidence)
    async def show_evidence(query: evidence.ShowEvidence, work: Ledger) -> evidence_views.EvidenceView:  # noqa: ARG001
        return next(item for item in items if item.item.evidence_id == query.evidence_id)

    @handlers.query(evidence.ReadCheckpoint)
    async def read(query: evidence.ReadCheckpoint, work: Ledger) -> evidence_views.Checkpoint:  # noqa: ARG001
        return checkpoint

    @handlers.query(evidence.ProveInclusion)
    async def prove(query: evidence.ProveInclusion, work: Ledger) -> evidence_views.InclusionProof:  # noqa: ARG001
        leaf = sha256_digest(str(query.index).encode())
        return evidence_views.InclusionProof(
            index=query.index, size=query.size or 0, leaf_hash=leaf, hashes=(leaf,), checkpoint=checkpoint
        )

    @handlers.query(evidence.ListLogEntries)
    async def entries(query: evidence.ListLogEntries, work: Ledger) -> evidence_views.LogPage:  # noqa: ARG001
        if query.about not in LOGGED:
            return evidence_views.LogPage(entries=())
        # The same name in another project, and another fact of this one: neither belongs into a bundle.
        said = [
            entry
            for project, index, digest in LOGGED[query.about]
            for entry in (
                ("another", index + 100, digest),
                (project, index + 200, sha256_digest(b"other")),
                (project, index, digest),
            )
        ]
        return evidence_views.LogPage(
            entries=tuple(
                evidence_views.LoggedEntry(
                    index=place,
                    entry=json.dumps({"project": whose, "subject": query.about, "digest": what}),
                    leaf_hash=sha256_digest(str(place).encode()),
                )
                for whose, place, what in said
            )
        )

    @handlers.query(evidence.ReadSigningKeys)
    async def signing_keys(query: evidence.ReadSigningKeys, work: Ledger) -> evidence_views.SigningKeys:  # noqa: ARG001
        pem = keys.public_pem(keys.generate().public_key())
        return evidence_views.SigningKeys(keys=(pem,), handovers=(HANDOVER,))

    @handlers.query(evidence.ProveConsistency)
    async def grown(query: evidence.ProveConsistency, work: Ledger) -> evidence_views.ConsistencyProof:  # noqa: ARG001
        return evidence_views.ConsistencyProof(first=query.first, second=query.second, hashes=())

    @handlers.query(evidence.ListAttestations)
    async def attested(query: evidence.ListAttestations, work: Ledger) -> evidence_views.Attestations:  # noqa: ARG001
        one = {"predicate_type": "x", "content_digest": sha256_digest(ENVELOPE), "log_index": 0}
        return evidence_views.Attestations.model_validate({"attestations": [one]})

    @handlers.query(gate.ListVerdictKeys)
    async def verdict_keys(query: gate.ListVerdictKeys, work: Ledger) -> gate_views.VerdictKeys:  # noqa: ARG001
        return gate_views.VerdictKeys(keys=())

    @handlers.query(gate.ShowVerdict)
    async def verdict(query: gate.ShowVerdict, work: Ledger) -> gate_views.VerdictView:  # noqa: ARG001
        return VERDICT

    @handlers.query(evidence.ListTrustRoots)
    async def roots(query: evidence.ListTrustRoots, work: Ledger) -> evidence_views.TrustRoots:  # noqa: ARG001
        return evidence_views.TrustRoots(trust_roots=(root,))

    @handlers.query(gate.ListVerdicts)
    async def verdicts(query: gate.ListVerdicts, work: Ledger) -> gate_views.VerdictPage:  # noqa: ARG001
        return gate_views.VerdictPage(verdicts=(VERDICT,))

    @handlers.query(gate.ShowPolicy)
    async def policy(query: gate.ShowPolicy, work: Ledger) -> gate_views.PolicyView:  # noqa: ARG001
        known = {"project": "shop", "policy": "base", "digest": query.digest, "revision": 1, "mode": "block"}
        return gate_views.PolicyView.model_validate(
            {**known, "document": {}, "applied_at": utc_now(), "applied_by": "ann"}
        )

    @handlers.query(ListPromotions)
    async def promotions(query: ListPromotions, work: Ledger) -> PromotionPage:  # noqa: ARG001
        return PromotionPage(promotions=(PROMOTION,))

    return Service("registry", handlers, {"counts": ()})


def a_blob_store(kept: dict[str, bytes]) -> Starlette:
    """What the evidence service offers for large contents."""

    async def put(request: Request) -> Response:
        content = await request.body()
        assert request.headers["authorization"].startswith("Bearer ey")
        assert request.query_params["project"] == "shop"
        kept[sha256_digest(content)] = content
        return JSONResponse({"content_digest": sha256_digest(content), "size": len(content)}, 201)

    async def get(request: Request) -> Response:
        content = kept.get(request.path_params["digest"])
        return Response(content) if content is not None else Response(status_code=404)

    return Starlette(routes=[Route("/blobs", put, methods=["PUT"]), Route("/blobs/{digest}", get)])
