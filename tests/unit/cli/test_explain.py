"""`hallmark explain` and `readiness`: verdicts of the real gate, in the words that people read.

`UPDATE_GOLDEN=1` writes what is said now into `golden/`; read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts.circumstances import Circumstances, WaivedSubject, WaiverFacts
from contracts.facts import FoundVulnerability, VulnerabilityFacts
from contracts.findings import Finding
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import GateKind, Severity
from services.cli.main import app
from services.cli.output import findings_table, out
from services.gate import wire
from services.gate.storage.dossiers import Held
from shared.errors import HallmarkError
from shared.policy.dossier import Dossier
from shared.policy.policy import Policy
from shared.records import record_digest
from tests.support.small_gateway import small_gateway
from tests.unit.gate.gate_builders import NOW, VERSION, dossier, item, judge, passed, policy, rule, sbom

GOLDEN = Path(__file__).parent / "golden"
VERSION_PATH = "/projects/shop/applications/cart/versions/1.0.0"
SCAN = rule("vulnerability_limit", max={"high": 0}, title="Nothing severe is known")
TESTS = rule("tests_passed", title="The tests passed")
APPROVED = rule("approvals", role="approver", title="Somebody answers for it")
ANNOUNCED = rule("required_evidence", evidence="provenance", title="Its origin is known", effective_on="2027-01-31")
EITHER = rule(
    "any_of",
    title="It is taken stock of",
    rules=[
        rule("required_evidence", id="stock", evidence="sbom", title="A bill of materials"),
        rule("required_evidence", id="checked", evidence="summary", title="A verification [summary]"),
    ],
)


@pytest.fixture(autouse=True)
def _for_people() -> Iterator[None]:
    yield
    out.as_json = False


def found(*names: str) -> VulnerabilityFacts:
    listed = tuple(FoundVulnerability(id=name, severity=Severity.HIGH, purl="pkg:pypi/left@1.0") for name in names)
    return VulnerabilityFacts(scanner="scan", counts={Severity.HIGH: len(names)}, vulnerabilities=listed)


def waiver(vulnerability: str) -> WaiverFacts:
    return WaiverFacts(
        waiver_id="waiver-1",
        policy="prod-entry",
        rule="vulnerability-limit",
        stage="prod",
        subject=WaivedSubject(vulnerability=vulnerability),
        max_severity=Severity.HIGH,
        reason="Not reachable: the parser is never called.",
        requested_by="rita",
        approved_by="sam",
        granted_at=NOW - timedelta(days=1),
        expires_at=NOW + timedelta(days=6),
    )


def verdict(subject: Dossier, *policies: Policy) -> dict[str, Any]:
    given = judge(subject, *policies)
    question = EvaluateGates.model_validate(
        {
            "project": subject.project,
            "application": subject.application,
            "promotion_id": "p-1",
            "attempt": 1,
            "version": subject.version,
            "version_digest": VERSION,
            "passages": [{"stage": "prod", "gate": GateKind.ENTRY}],
            "positions": {},
            "requested_by": "rita",
            "deadline": NOW + timedelta(days=1),
        }
    )
    held = Held(subject, {one.evidence_id: record_digest(one) for one in subject.items})
    return wire.verdict_view(question, given, held).model_dump(mode="json")


def waived_and_waiting() -> dict[str, Any]:
    subject = dossier(
        item("scan-1", found("CVE-1"), role="scanner"),
        item("run-1", passed()),
        item("bill-1", sbom(), role="build"),
        circumstances=Circumstances(waivers=(waiver("CVE-1"),)),
    )
    return verdict(subject, policy(SCAN, TESTS, EITHER, APPROVED, ANNOUNCED))


def denied() -> dict[str, Any]:
    scan = item("scan-1", found(*(f"CVE-{number:02}" for number in range(1, 13))), role="scanner")
    subject = dossier(scan, circumstances=Circumstances(waivers=(waiver("CVE-03"),)))
    watched = policy(EITHER | {"id": "stock-taken"}, name="watched", mode="warn")
    return verdict(subject, policy(SCAN | {"remedy": "Ask [the platform team]."}), watched)


def ask(answers: dict[str, Any], *arguments: str) -> Result:
    with small_gateway(answers) as gateway:
        return CliRunner(env=gateway.environment).invoke(app, list(arguments))


def placed(output: str) -> str:
    """The output with the gateway, which is another one each time, in one place."""
    return re.sub(r"http://127\.0\.0\.1:\d+", "http://gateway", output)


def same_as_golden(name: str, output: str) -> None:
    # Digests are pinned by other tests; here they would change with every field that a model gains.
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:...", output)
    text = placed(text)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "build"), [("waived-and-waiting", waived_and_waiting), ("denied", denied)])
def test_a_verdict_is_explained(name: str, build: Any) -> None:
    found = build()
    answers = {"GET /projects/shop/verdicts/verdict-1": found}
    result = ask(answers, "explain", "verdict-1", "-p", "shop")
    assert result.exit_code == 0, result.output
    same_as_golden(f"explain-{name}", result.output)


def test_a_version_is_explained_by_its_newest_verdict_and_older_forms_still_work() -> None:
    whole = waived_and_waiting()
    listed = {**whole, "considered": [], "circumstances": None}
    answers = {
        f"GET {VERSION_PATH}/verdicts": {"verdicts": [listed], "next": None},
        "GET /projects/shop/verdicts/verdict-1": whole,
    }
    newest = ask(answers, "explain", "shop/cart/1.0.0")
    assert "waiver-1 until 2026-11-26 12:00:00 UTC, granted by sam: Not reachable" in newest.output
    one = ask(answers, "explain", "shop/cart/1.0.0", "--verdict", "verdict-1")
    alone = ask(answers, "explain", "verdict-1", "-p", "shop")
    assert placed(newest.output) == placed(one.output) == placed(alone.output)
    assert "page  http://gateway/projects/shop/verdicts/verdict-1" in placed(one.output)
    nothing = ask({f"GET {VERSION_PATH}/verdicts": {"verdicts": [], "next": None}}, "explain", "shop/cart/1.0.0")
    assert (nothing.exit_code, "No gate has judged" in nothing.output) == (4, True)
    lost = ask({}, "explain", "verdict-1").exception
    assert isinstance(lost, HallmarkError)
    assert lost.code == "verdict_reference_malformed"


def test_readiness_says_it_in_the_same_words() -> None:
    whole = waived_and_waiting()
    ready = {
        **{
            name: whole[name] for name in ("project", "application", "version", "version_digest", "outcome", "findings")
        },
        "from_stage": "qa",
        "to_stage": "prod",
        "judged_at": whole["judged_at"],
    }
    result = ask({f"GET {VERSION_PATH}/readiness": ready}, "readiness", "shop/cart/1.0.0")
    assert result.exit_code == 4
    same_as_golden("readiness", result.output)


def test_tables_mark_what_is_waived_or_announced() -> None:
    findings = waived_and_waiting()["findings"]
    rows = list(findings_table(findings).columns[0].cells)
    assert rows == [
        "[cyan]~ waived[/]",
        "[green]✓ allow[/]",
        "[green]✓ allow[/]",
        "[yellow]… pending[/]",
        "[yellow]… pending[/] [dim]announced for 2027-01-31[/]",
    ]
    hostile = {**findings[0], "observed": "[red]fine[/]", "effective_on": "[bold]2027"}
    table = findings_table([hostile])
    assert list(table.columns[3].cells) == ["\\[red]fine\\[/]"]
    assert "\\[bold]2027" in str(next(iter(table.columns[0].cells)))


def test_what_older_gates_said_is_explained_too() -> None:
    old = denied()
    for name in ("awaited_until", "circumstances", "circumstances_digest", "waivers", "may_be_trusted", "considered"):
        del old[name]
    for finding in old["findings"]:
        for name in ("violations", "violation_count", "waived", "effective_on", "parts", "passes_at"):
            finding.pop(name, None)
    assert VerdictView.model_validate(old).outcome == "deny"
    assert all(Finding.model_validate(one).violations == () for one in old["findings"])
    result = ask({"GET /projects/shop/verdicts/verdict-1": old}, "explain", "verdict-1", "-p", "shop")
    assert "scan-1 lists 11 high where 0 are tolerated" in result.output
