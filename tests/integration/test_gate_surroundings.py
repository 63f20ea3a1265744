"""What is around a version, on real servers: what it contains, where it stands, what failed, what attackers use."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.circumstances import WaivedSubject
from contracts.gate.v1.events import ReadinessChanged
from contracts.vocabulary import Criticality, Outcome, PromotionKind, Role, Severity
from services.gate.app import SERVICE
from services.gate.looking import look_once
from tests.integration.gate_neighbours import (
    SBOM,
    TESTS,
    GateAtWork,
    a_gate,
    application_applied,
    artifact_of,
    digest_of,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.integration.gate_scenes import (
    CVE,
    LIMIT,
    confirmed,
    exploitation_learned,
    granted,
    incident_opened,
    lifecycle_applied,
    looked,
    readiness,
    replayed,
    revoked,
    said,
    scan_of,
    version_moved,
)
from tests.support.eventually import eventually
from tests.unit.gate.gate_builders import document, failed, passed, rule, sbom

pytestmark = pytest.mark.servers
NO_INCIDENT = "package p\ndefault allow := false\nallow if count(input.incidents) == 0\n"
NOT_EXPLOITED = """package p
exploited contains one.vulnerability if { some one in input.exploitation; one.exploited_since != null }
default allow := false
allow if count(exploited) == 0
deny contains sprintf("%s is exploited", [name]) if some name in exploited
"""


def rego(source: str, **fields: Any) -> dict[str, Any]:
    return rule("rego", rego=source, **fields)


def heard(changes: Sequence[ReadinessChanged]) -> list[tuple[str | None, str | None, list[str]]]:
    return [(one.to_stage, one.outcome, [finding.rule for finding in one.findings]) for one in changes]


async def asked(gate: GateAtWork, promotion: str, version: str = "1.0.0") -> Outcome:
    await gate.handle(evaluate(promotion, version), f"tell {promotion}")
    newest = (await gate.verdicts(version))[0]
    assert newest.outcome is not Outcome.ERROR, [one.observed for one in newest.findings]
    return newest.outcome


async def applied(gate: GateAtWork, policy: dict[str, Any]) -> None:
    """By somebody who owns no application."""
    await gate.apply(policy, token=gate.system.token("sec", Role.SECURITY))


@pytest.mark.parametrize("owner", ["shop", "libs"])
async def test_contained_versions_are_waited_for_and_evidence_about_them_counts(tmp_path: Path, owner: str) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        inner, middle = version_created("inner", project=owner), version_created("middle", nested=(digest_of("inner"),))
        await gate.handle(version_created("outer", nested=(digest_of("middle"),)), "outer")
        await gate.handle(evidence_added(piece("e-outer", passed(), "outer")), "e-outer")
        assert await asked(gate, "p-1", "outer") is Outcome.PENDING
        [verdict] = await gate.verdicts("outer")
        assert [(one.rule, one.outcome) for one in verdict.findings] == [
            ("tests-passed", Outcome.ALLOW),
            ("contents_unknown", Outcome.PENDING),
        ]
        assert digest_of("middle") in verdict.findings[1].observed
        await gate.handle(middle, "middle")
        [*_, finding] = (await gate.verdicts("outer"))[0].findings
        assert finding.rule == "contents_unknown"
        assert digest_of("inner") in finding.observed
        await gate.handle(inner, "inner")
        [finding] = (await gate.verdicts("outer"))[0].findings
        assert (finding.rule, finding.outcome) == ("tests-passed", Outcome.PENDING), "judged again by itself"
        assert artifact_of("middle") in finding.observed
        await gate.handle(evidence_added(piece("e-middle", passed(), "middle")), "e-middle")
        await gate.handle(evidence_added(piece("e-inner", passed(), "inner")), "e-inner")
        allowed = await gate.verdict_on("p-1", Outcome.ALLOW, "outer")
        assert [one.evidence_id for one in allowed.evidence] == ["e-inner", "e-middle", "e-outer"]
        await gate.handle(evidence_added(piece("bad", failed(), "inner", age=timedelta(0))), "bad")
        unheld = await confirmed(gate, allowed)
        assert "bad says failed" in unheld.because
        assert (await replayed(gate, allowed)).agrees


async def test_a_version_heard_again_is_the_same_to_the_microsecond(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        exact = version_created(at=version_created().at + timedelta(microseconds=123_456))
        for copy in range(2):
            await gate.handle(exact, f"copy {copy}")
        assert await gate.count("versions") == 1


async def test_readiness_is_said_when_it_changes_and_only_then(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        # The application's own word comes last: until then nobody knows what lies before its version.
        await gate.hear(version_created())
        await eventually(lambda: gate.count("versions"))
        assert await readiness(gate) == []
        await gate.hear(lifecycle_applied("dev", "prod", opened=("dev",)))
        await eventually(lambda: gate.count("lifecycles"))
        assert await readiness(gate) == []
        await gate.hear(application_applied(Criticality.LOW, 1))
        expected: list[tuple[str | None, str | None, list[str]]] = [("dev", "allow", [])]
        assert heard(await eventually(lambda: readiness(gate))) == expected

        await gate.handle(version_moved(gate, "dev"), "moved")
        expected.append(("prod", "deny", ["no_policy", "no_policy"]))
        assert heard(await readiness(gate)) == expected
        both = [{"stage": "prod", "gate": "entry"}, {"stage": "prod", "gate": "release"}]
        await applied(gate, document(LIMIT, gates=both))
        expected.append(("prod", "pending", ["vulnerability-limit"] * 2))
        assert heard(await readiness(gate)) == expected
        await gate.handle(evidence_added(piece("scan", scan_of(Severity.HIGH))), "scan")
        expected.append(("prod", "deny", ["vulnerability-limit"] * 2))
        found = await readiness(gate)
        assert heard(found) == expected
        assert all(one.remedy for one in found[-1].findings)
        waiver = await granted(gate)
        expected.append(("prod", "allow", []))
        assert heard(await readiness(gate)) == expected, "a waiver was granted"
        await revoked(gate, waiver.waiver_id)
        expected.append(("prod", "deny", ["vulnerability-limit"] * 2))
        assert heard(await readiness(gate)) == expected, "and revoked"
        await granted(gate, expires_at=gate.clock.now + timedelta(hours=1))
        expected.append(("prod", "allow", []))
        assert heard(await readiness(gate)) == expected
        gate.clock.advance(hours=1)
        expected.append(("prod", "deny", ["vulnerability-limit"] * 2))
        assert heard(await readiness(gate)) == expected, "and expired"

        await gate.handle(evidence_added(piece("another", passed())), "another")
        await applied(gate, document(TESTS, name="elsewhere", gates=[{"stage": "qa", "gate": "entry"}]))
        await gate.handle(application_applied(Criticality.HIGH, 2), "critical")
        gate.clock.advance(days=2)
        await look_once(gate.run)
        assert heard(await readiness(gate)) == expected, "nothing that matters has changed"
        await gate.handle(version_moved(gate, "prod", release=True), "released")
        expected.append((None, None, []))
        assert heard(await readiness(gate)) == expected
        await applied(gate, document(SBOM, gates=both))
        assert heard(await readiness(gate)) == expected, "nothing lies before it any more"
        await gate.handle(lifecycle_applied("dev", "prod", "archive", revision=2, opened=("dev",)), "longer")
        expected.append(("archive", "deny", ["no_policy", "no_policy"]))
        assert heard(await readiness(gate)) == expected, "until a stage is added"


async def test_readiness_is_said_once_by_two_instances_and_of_incidents_and_known_exploitation(
    tmp_path: Path,
) -> None:
    async with a_gate(tmp_path) as gate:
        other = await gate.system.start(SERVICE, instance="two")
        await gate.handle(lifecycle_applied("prod"), "lifecycle")
        await gate.handle(application_applied(Criticality.LOW, 1), "application")
        both = [{"stage": "prod", "gate": name} for name in ("entry", "release")]
        await applied(gate, document(rego(NO_INCIDENT), rego(NOT_EXPLOITED) | {"id": "kev"}, gates=both))
        versions = ["1.0.0", "1.1.0", "1.2.0"]
        for version in versions:
            await gate.handle(version_created(version), version)
            await gate.handle(evidence_added(piece(f"scan {version}", scan_of(Severity.LOW), version)), f"s {version}")
        await look_once(other)
        for version in versions:
            assert [one.outcome for one in await readiness(gate, version)] == ["allow"]
        await gate.hear(exploitation_learned(gate))
        await eventually(lambda: gate.count("exploitation"))
        await gate.handle(incident_opened(gate, "1.0.0"), "incident")
        await look_once(other)
        for version in versions:
            rules = {finding.rule for finding in (await readiness(gate, version))[-1].findings}
            assert rules == ({"kev", "rego"} if version == "1.0.0" else {"kev"})
        everything = [one.version for one in await said(gate, ReadinessChanged)]
        again = [one.version for one in await said(gate, ReadinessChanged)]
        await looked(gate)
        assert again == everything == [one.version for one in await said(gate, ReadinessChanged)]


async def test_exploitation_that_is_learned_closes_a_gate_at_the_last_look(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(rego(NOT_EXPLOITED)))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("scan", scan_of(Severity.LOW))), "scan")
        assert await asked(gate, "p-1") is Outcome.ALLOW
        verdict = await gate.verdict_on("p-1", Outcome.ALLOW)
        await gate.handle(exploitation_learned(gate, "CVE-2026-9999"), "another")
        assert (await confirmed(gate, verdict)).holds, "what the version does not have changes nothing"
        await gate.handle(exploitation_learned(gate), "this one")
        unheld = await confirmed(gate, verdict)
        assert not unheld.holds
        assert f"{CVE} is exploited" in unheld.because
        assert await asked(gate, "p-2") is Outcome.DENY


async def test_moves_and_rollbacks_are_pinned_with_the_verdict(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        passed_dev = 'package p\ndefault allow := false\nallow if { some one in input.passed; one.to_stage == "dev" }\n'
        await gate.apply(document(rego(passed_dev)))
        for version in ("1.0.0", "1.1.0"):
            await gate.handle(version_created(version), version)
        assert await asked(gate, "p-1") is Outcome.DENY
        move = version_moved(gate, "dev")
        for copy in range(2):
            await gate.handle(move, f"move {copy}")
        assert await asked(gate, "p-2") is Outcome.ALLOW
        verdict = await gate.verdict_on("p-2", Outcome.ALLOW)
        await gate.handle(version_moved(gate, "dev", "1.1.0"), "the next one")
        await gate.handle(version_moved(gate, "dev", at=move.at - timedelta(days=1)), "an old word, late")
        standings = await gate.run.database.collection("standings").find({})
        assert [(one["stage"], one["version"]) for one in standings] == [("dev", "1.1.0")]
        assert not (await confirmed(gate, verdict)).holds
        assert (await replayed(gate, verdict)).agrees
        await gate.handle(version_moved(gate, "dev", kind=PromotionKind.ROLLBACK), "back")
        standings = await gate.run.database.collection("standings").find({})
        assert [(one["stage"], one["version"]) for one in standings] == [("dev", "1.0.0")]


async def test_a_demotion_empties_what_it_left_and_a_certification_replaces_nobody(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        for version in ("1.0.0", "1.1.0"):
            await gate.handle(version_created(version), version)

        async def standing() -> dict[str, str]:
            found = await gate.run.database.collection("standings").find({})
            return {one["stage"]: one["version"] for one in found if one["version"]}

        entered = version_moved(gate, "prod")
        for stage in ("dev", "qa"):
            await gate.handle(version_moved(gate, stage), stage)
        gate.clock.advance(hours=1)
        back: dict[str, Any] = {"kind": PromotionKind.DEMOTE, "from_stage": "prod", "left": ("qa", "prod")}
        await gate.handle(version_moved(gate, "dev", **back), "back")
        await gate.handle(entered, "word of its entry, late")
        assert await standing() == {"dev": "1.0.0"}
        await gate.handle(version_moved(gate, "dev", "1.1.0"), "the next one")
        gate.clock.advance(hours=1)
        again = version_moved(gate, "dev", kind=PromotionKind.RECERTIFY, from_stage="dev")
        await gate.handle(again, "again")
        assert await standing() == {"dev": "1.1.0"}
        # What another version has taken since is not emptied by who was there before.
        late: dict[str, Any] = {"kind": PromotionKind.DEMOTE, "from_stage": "dev", "left": ("dev",)}
        await gate.handle(version_moved(gate, "build", **late), "late")
        assert (await standing())["dev"] == "1.1.0"


async def test_a_question_is_looked_at_again_when_time_may_have_changed_its_answer(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        # Nothing is heard: a waiver ends, and by that what waited behind another rule is denied.
        await gate.apply(document(LIMIT, SBOM))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("scan", scan_of(Severity.HIGH))), "scan")
        await granted(gate, expires_at=gate.clock.now + timedelta(minutes=20))
        await granted(gate, rule="required-evidence", waives=WaivedSubject(vulnerability="X"), max_severity=None)
        await gate.handle(evaluate("p-1", deadline=gate.clock.now + timedelta(hours=1)), "tell")
        assert (await gate.verdicts())[0].outcome is Outcome.PENDING
        gate.clock.advance(minutes=20)
        await look_once(gate.run)
        assert (await gate.verdict_on("p-1", Outcome.DENY)).waivers == ()
        await gate.handle(evidence_added(piece("bill", sbom())), "bill")
        assert len(await gate.verdicts()) == 2, "answered for good"


async def test_a_soak_that_is_over_opens_a_gate_by_itself_and_is_said(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.handle(lifecycle_applied("dev", "prod", opened=("dev",)), "lifecycle")
        await gate.handle(application_applied(Criticality.LOW, 1), "application")
        both = [{"stage": "prod", "gate": name} for name in ("entry", "release")]
        await applied(gate, document(rule("soak", stage="dev", **{"for": "2h"}), gates=both))
        for version in ("1.0.0", "1.1.0"):
            await gate.handle(version_created(version), version)
            await gate.handle(version_moved(gate, "dev", version), f"moved {version}")
        await gate.handle(version_moved(gate, "dev", replaced="1.1.0"), "moved again")
        await gate.handle(evaluate("p-1", deadline=gate.clock.now + timedelta(days=1)), "tell")
        [waiting] = await gate.verdicts()
        passes_at = waiting.findings[0].passes_at
        assert waiting.outcome is Outcome.PENDING
        assert passes_at
        assert [one.outcome for one in await readiness(gate)] == ["pending"]
        assert heard(await readiness(gate, "1.1.0"))[-1] == ("prod", "pending", ["soak", "soak"])
        gate.clock.now = passes_at
        await look_once(gate.run)
        await gate.verdict_on("p-1", Outcome.ALLOW)
        assert [one.outcome for one in await readiness(gate)] == ["pending", "allow"]


async def test_a_project_that_grows_does_not_look_at_everything_again(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.handle(lifecycle_applied("prod"), "lifecycle")
        await gate.handle(application_applied(Criticality.LOW, 1), "application")
        at = application_applied(Criticality.LOW, 1).at
        same: dict[str, Any] = {"labels": {}}
        await gate.handle(version_created("1.0.0", at=at, **same), "first")
        await looked(gate)
        gate.clock.advance(seconds=5)
        await gate.handle(version_created("1.1.0", at=at + timedelta(hours=1), **same), "second")
        assert await gate.count("readiness_marks") == 0, "a version that says nothing new of its application"


async def test_a_version_that_nobody_moves_any_more_is_woken_by_its_own_evidence_only(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.handle(lifecycle_applied("prod", opened=("prod",)), "lifecycle")
        await gate.handle(application_applied(Criticality.LOW, 1), "application")
        await gate.handle(version_created(at=gate.clock.now), "v")
        expected: list[tuple[str | None, str | None, list[str]]] = [("prod", "deny", ["no_policy"])]
        assert heard(await readiness(gate)) == expected
        gate.clock.advance(days=91)
        await look_once(gate.run)
        gate.clock.advance(days=2)
        marks = await gate.count("inbox")
        await applied(gate, document(TESTS, gates=[{"stage": "prod", "gate": "release"}]))
        await look_once(gate.run)
        assert heard(await readiness(gate)) == expected, "it is not looked at any more"
        assert await gate.count("inbox") == marks + 1, "looks leave no mark behind"
        await gate.handle(evidence_added(piece("e1", failed())), "e1")
        assert heard(await readiness(gate))[-1] == ("prod", "deny", ["tests-passed"])
