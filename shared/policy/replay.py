"""Giving a verdict again, on what it pins: the gate proves itself with it, and so does whoever trusts nobody.

- The same policies, evidence as it stood, circumstances, request and time give the same verdict, word for word.
- What it was given on must be there; nothing is put in the place of what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from contracts.circumstances import Circumstances
from contracts.facts import EvidenceItem
from contracts.gate.v1.views import VerdictView
from shared.policy.dossier import Dossier
from shared.policy.house_rules import Passage
from shared.policy.policy import Policy
from shared.policy.verdict import DecisionContext, Verdict, decide, questions, waiver_digest
from shared.rego.question import Answer, Question


class Case:
    """Everything that a verdict was given on but its policies: a request, a dossier and a time."""

    def __init__(self, said: VerdictView, items: Iterable[EvidenceItem], circumstances: Circumstances) -> None:
        self.at = said.judged_at
        self.passages = tuple(Passage(stage=one.stage, gate=one.gate, open=one.open) for one in said.passages)
        self.context = DecisionContext(said.verdict_id, said.requested_by, kind=said.kind)
        self.dossier = Dossier(
            project=said.project,
            application=said.application,
            version=said.version,
            version_digest=said.version_digest,
            artifacts=tuple(artifact.digest for artifact in circumstances.artifacts),
            criticality=said.criticality,
            labels=said.labels,
            items=tuple(items),
            circumstances=circumstances,
        )

    def questions(self, policies: Iterable[Policy]) -> tuple[Question, ...]:
        """What the Rego engine has to be asked first."""
        return questions(policies, self.dossier, self.passages, self.context, self.at)

    def decided(self, policies: Iterable[Policy], rego: Mapping[str, Answer]) -> Verdict:
        """The verdict that these policies give."""
        context = replace(self.context, rego=rego)
        return decide(policies, self.dossier, self.passages, context, self.at)


def differences(said: VerdictView, again: Verdict) -> tuple[str, ...]:
    """What comes out otherwise, by name; nothing when both say the same."""
    pairs: Mapping[str, tuple[object, object]] = {
        "version": (said.version_digest, again.version_digest),
        "kind": (said.kind, again.kind),
        "outcome": (said.outcome, again.outcome),
        "finding": (said.findings, again.findings),
        "list of policies": (said.policy_digests, again.policies),
        "evidence used": ([one.model_dump() for one in said.evidence], [one.model_dump() for one in again.evidence]),
        "amount of evidence used": (said.evidence_count, again.evidence_count),
        "waiver used": (
            [(one.waiver_id, one.digest) for one in said.waivers],
            [(one.waiver_id, waiver_digest(one)) for one in again.waivers],
        ),
        "trust": (said.may_be_trusted, again.may_be_trusted),
        "evidence set": (said.evidence_set, again.evidence_set),
        "fingerprint": (said.fingerprint, again.fingerprint),
        "end": (said.expires_at, again.expires_at),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)
