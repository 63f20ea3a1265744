"""What happens around the gate in its tests: waivers, stages, moves, incidents, looks; and what the gate has said."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from contracts.circumstances import Exploitation, WaivedSubject
from contracts.facts import FoundVulnerability, VulnerabilityFacts
from contracts.gate.v1.events import ReadinessChanged
from contracts.gate.v1.queries import ConfirmVerdict, ShowVerdict
from contracts.gate.v1.replays import Replay, ReplayVerdict
from contracts.gate.v1.views import Confirmation, VerdictView
from contracts.gate.v1.waivers import DecideWaiver, RequestWaiver, RevokeWaiver, WaiverView
from contracts.message import Event
from contracts.monitoring.v1.exploitation import ExploitationLearned
from contracts.registry.v1.events import IncidentOpened, LifecycleApplied, VersionMoved
from contracts.registry.v1.views import StageView
from contracts.vocabulary import ActorKind, Criticality, GateKind, PromotionKind, ReleaseStatus, Role, Severity
from services.gate.handlers.judging import LOOK_AGAIN
from services.gate.looking import look_once
from shared.digests import sha256_digest
from tests.integration.gate_neighbours import GateAtWork, digest_of
from tests.support.eventually import eventually
from tests.support.facts import facts_on
from tests.unit.gate.gate_builders import rule

E = TypeVar("E", bound=Event)
LIMIT = rule("vulnerability_limit", max={"high": 0, "critical": 0})
CVE = "CVE-2026-1000"
REASON = "Not reachable from our code; the fix comes next week."
_numbers = count()


def scan_of(severity: Severity, *names: str) -> VulnerabilityFacts:
    found = tuple(FoundVulnerability(id=name, severity=severity) for name in names or (CVE,))
    return VulnerabilityFacts(scanner="scan", counts={severity: len(found)}, vulnerabilities=found)


def request_waiver(gate: GateAtWork, **changes: Any) -> RequestWaiver:
    fields: dict[str, Any] = {
        "command_id": f"w-{next(_numbers)}",
        "project": "shop",
        "application": "cart",
        "policy": "prod-entry",
        "rule": "vulnerability-limit",
        "stage": "prod",
        "waives": WaivedSubject(vulnerability=CVE),
        "max_severity": Severity.HIGH,
        "reason": REASON,
        "expires_at": gate.clock.now + timedelta(days=14),
    }
    return RequestWaiver(**(fields | changes))


async def requested(gate: GateAtWork, by: str = "rita", **changes: Any) -> WaiverView:
    token = gate.system.token(by, Role.CONTRIBUTOR, project="shop")
    return await gate.asker.ask(request_waiver(gate, **changes), WaiverView, token=token)


async def decided(
    gate: GateAtWork,
    waiver_id: str,
    decision: str = "granted",
    *,
    by: str = "sam",
    role: Role = Role.SECURITY,
    kind: ActorKind = ActorKind.HUMAN,
    project: str = "shop",
    **changes: Any,
) -> WaiverView:
    token = gate.system.token(by, role, project=project, kind=kind)
    fields = {"command_id": f"d-{next(_numbers)}", "project": "shop", "waiver_id": waiver_id, "decision": decision}
    return await gate.asker.ask(DecideWaiver(**(fields | changes)), WaiverView, token=token)


async def granted(gate: GateAtWork, **changes: Any) -> WaiverView:
    return await decided(gate, (await requested(gate, **changes)).waiver_id)


async def revoked(gate: GateAtWork, waiver_id: str, by: str = "sam", role: Role = Role.SECURITY) -> WaiverView:
    command = RevokeWaiver(
        command_id=f"r-{next(_numbers)}", project="shop", waiver_id=waiver_id, reason="Fixed by another way."
    )
    return await gate.asker.ask(command, WaiverView, token=gate.system.token(by, role, project="shop"))


async def confirmed(gate: GateAtWork, verdict: VerdictView, **more: Any) -> Confirmation:
    return await gate.asker.ask(
        ConfirmVerdict(project="shop", verdict_id=verdict.verdict_id, **more), Confirmation, deadline=10
    )


async def whole(gate: GateAtWork, verdict: VerdictView) -> VerdictView:
    return await gate.asker.ask(ShowVerdict(project="shop", verdict_id=verdict.verdict_id), VerdictView)


async def replayed(gate: GateAtWork, verdict: VerdictView) -> Replay:
    return await gate.asker.ask(ReplayVerdict(project="shop", verdict_id=verdict.verdict_id), Replay, deadline=10)


def lifecycle_applied(*names: str, revision: int = 1, opened: Sequence[str] = ()) -> LifecycleApplied:
    stages = [
        StageView(
            name=name,
            title=name,
            open=(GateKind.ENTRY, GateKind.EXIT) if name in opened else (GateKind.EXIT,),
            release=name == names[-1],
        )
        for name in names
    ]
    return LifecycleApplied(
        project="shop",
        lifecycle="default",
        stages=tuple(stages),
        revision=revision,
        digest=sha256_digest(repr((names, revision)).encode()),
        by="ann",
        at=datetime.fromisoformat("2026-11-20T12:00:00Z"),
    )


def version_moved(gate: GateAtWork, to_stage: str, version: str = "1.0.0", **changes: Any) -> VersionMoved:
    fields: dict[str, Any] = {
        "project": "shop",
        "application": "cart",
        "version": version,
        "version_digest": digest_of(version),
        "promotion_id": f"moved-{next(_numbers)}",
        "attempt": 1,
        "kind": PromotionKind.PROMOTE,
        "from_stage": None,
        "to_stage": to_stage,
        "release": False,
        "release_status": ReleaseStatus.PRE_RELEASE,
        "replaced": None,
        "source": None,
        "criticality": Criticality.LOW,
        "owners": ("ann",),
        "passage_digest": sha256_digest(b"passage"),
        "by": "rita",
        "reason": "",
        "at": gate.clock(),
    }
    return VersionMoved(**(fields | changes))


def incident_opened(gate: GateAtWork, version: str | None = None) -> IncidentOpened:
    return IncidentOpened(
        project="shop", application="cart", incident_id="i-1", version=version, by="pager", at=gate.clock()
    )


def exploitation_learned(gate: GateAtWork, name: str = CVE, revision: int = 1) -> ExploitationLearned:
    known = Exploitation(vulnerability=name, exploited_since=gate.clock())
    return ExploitationLearned(entries=(known,), revisions=(revision,), at=gate.clock())


async def said(gate: GateAtWork, kind: type[E]) -> list[E]:
    """Every event of that kind on the stream of facts, in order, once the relay has published all."""
    await gate.run.relay.idle.wait()
    jetstream = (await gate.system.connect("provision")).jetstream()
    return await facts_on(jetstream, kind)


async def looked(gate: GateAtWork) -> None:
    """What is to be looked at has been; questions are past the looks that follow their first answer."""
    gate.clock.advance(seconds=LOOK_AGAIN[-1].total_seconds() + 1)
    await look_once(gate.run)

    async def waiting() -> int:
        return await gate.run.database.collection("readiness_marks").count({})

    await eventually(waiting, lambda found: not found)


async def readiness(gate: GateAtWork, version: str = "1.0.0") -> list[ReadinessChanged]:
    """What was said of a version's readiness, in order, after everything that has happened was looked at."""
    await looked(gate)
    return [one for one in await said(gate, ReadinessChanged) if one.version == version]
