"""A gate in memory, made of the functions that the services run, and what its verdicts pin, as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from contracts.circumstances import StagePassage
from contracts.facts import EvidenceItem
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import Digest, Outcome, PromotionKind
from services.gate import wire
from services.gate.storage.dossiers import Held
from shared.digests import canonical_digest, canonical_json, sha256_digest
from shared.policy.dossier import Dossier
from shared.policy.policy import Policy, read_policy
from shared.policy.replay import Case, differences
from shared.policy.verdict import DecisionContext, circumstances_digest, decide, questions
from shared.records import item_record, read_item, record_digest
from tests.unit.gate.gate_builders import VERSION
from tests.unit.gate.rego_modules import stand_in

PASSAGES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"stage": "prod", "gate": "entry"},),
    ({"stage": "prod", "gate": "entry"},),
    ({"stage": "qa", "gate": "exit", "open": True}, {"stage": "prod", "gate": "entry"}),
    ({"stage": "qa", "gate": "entry"},),
)


class Kept(NamedTuple):
    """One verdict as it was written down, and what it pins, by digest."""

    verdict: bytes
    records: Mapping[Digest, bytes]
    policies: Mapping[Digest, bytes]


@dataclass
class SmallGate:
    """One version on its way, and every verdict that was given about it."""

    now: datetime
    dossier: Dossier
    policies: dict[str, Policy] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    _records: dict[tuple[str, int], tuple[Digest, bytes]] = field(default_factory=dict)

    def learn(self, **changes: Any) -> None:
        """Have the circumstances changed."""
        circumstances = self.dossier.circumstances.model_copy(update=changes)
        self.dossier = replace(self.dossier, circumstances=circumstances)

    def hear(self, piece: EvidenceItem) -> None:
        """Add a piece of evidence, or a newer judgement of one."""
        self.dossier = self.dossier.with_item(piece)

    def ask(self, passages: tuple[dict[str, Any], ...], requested_by: str, kind: PromotionKind) -> VerdictView:
        """Have a verdict given and kept."""
        name = f"v{len(self.kept)}"
        question = EvaluateGates.model_validate(
            {
                "project": self.dossier.project,
                "application": self.dossier.application,
                "promotion_id": f"p{len(self.kept)}",
                "attempt": 1,
                "version": self.dossier.version,
                "version_digest": VERSION,
                "passages": passages,
                "positions": {},
                "requested_by": requested_by,
                "deadline": self.now + timedelta(days=1),
                "kind": kind,
            }
        )
        context = DecisionContext(name, requested_by, kind=kind)
        known = (tuple(self.policies.values()), self.dossier, wire.passages_from(question.passages))
        answered = replace(context, rego=stand_in(questions(*known, context, self.now)))
        records = {one.evidence_id: self._record(one) for one in self.dossier.items}
        digests = {name: digest for name, (digest, _) in records.items()}
        view = wire.verdict_view(question, decide(*known, answered, self.now), Held(self.dossier, digests))
        self.kept.append(self._pinned(view, dict(records.values())))
        return view

    def move(self, view: VerdictView) -> None:
        """Let the version enter the last stage that the verdict was about, if it allows that."""
        stage = view.passages[-1].stage
        if view.outcome is not Outcome.ALLOW:
            return
        known = self.dossier.circumstances
        moved = StagePassage(
            kind=view.kind,
            from_stage="qa",
            to_stage=stage,
            release=stage == "prod",
            at=self.now,
            promotion_id=view.promotion_id,
            waivers=tuple(one.waiver_id for one in view.waivers),
        )
        self.learn(passed=(*known.passed, moved), current=known.current | {stage: self.dossier.version})

    def _pinned(self, view: VerdictView, records: Mapping[Digest, bytes]) -> Kept:
        policies = {one.digest: one for one in self.policies.values()}
        return Kept(
            view.model_dump_json().encode(),
            {one.record: records[one.record] for one in view.considered},
            {digest: canonical_json(policies[digest].normal_form()) for digest in view.policy_digests},
        )

    def _record(self, piece: EvidenceItem) -> tuple[Digest, bytes]:
        form = (piece.evidence_id, piece.revision)
        if form not in self._records:
            self._records[form] = (record_digest(piece), item_record(piece))
        return self._records[form]


def replayed(kept: Kept) -> tuple[str, ...]:
    """What comes out otherwise when a verdict is given again, on nothing but these bytes.

    Raises `KeyError` where they hold no piece that is named, and what readers raise for what is no such document.
    """
    view = VerdictView.model_validate_json(kept.verdict)
    assert view.circumstances is not None
    items = [read_item(_named(kept.records, one.record)) for one in view.considered]
    policies = [read_policy(json.loads(_named(kept.policies, digest))) for digest in view.policy_digests]
    case = Case(view, items, view.circumstances)
    again = case.decided(policies, stand_in(case.questions(policies)))
    listed = canonical_digest([one.model_dump(mode="json") for one in view.considered])
    around = circumstances_digest(view.circumstances)
    digests = {
        "list of evidence": (view.considered_digest, listed),
        "circumstances": (view.circumstances_digest, around),
    }
    return (*differences(view, again), *(name for name, (said, found) in digests.items() if said != found))


def _named(files: Mapping[Digest, bytes], digest: Digest) -> bytes:
    if sha256_digest(files[digest]) != digest:
        raise KeyError(digest)
    return files[digest]
