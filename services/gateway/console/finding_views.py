"""What gates say of rules, as people read it: what stands in the way first, why, and what to do next: pure.

- What one rule says at several gates of a stage in the same words is one row.
- A rule that waivers let pass is shown as waived, with what it says itself.
- A next step is a page where it is done, or the exact command; whether somebody may do it, the service decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from contracts.findings import Finding, Violation
from contracts.vocabulary import Digest, Mode, Outcome
from services.gateway import links

_ORDER = ("not judged", "failed", "awaited", "waived", "warns", "announced", "passed")
_MOST_WAIVERS = 5
"""How many waivers are offered for one rule, each for one thing that stands against the version."""
_TYPES = {
    "tests": ("test-result", "results.xml"),
    "sbom": ("cyclonedx", "bom.json"),
    "vulnerabilities": ("vulns", "scan.json"),
    "provenance": ("provenance", "provenance.json"),
    "coverage": ("cobertura", "coverage.xml"),
    "vex": ("openvex", "vex.json"),
    "summary": ("vsa", "summary.json"),
}
"""By the kind of facts that a rule awaits: what `hallmark evidence sign` calls it, and a file's usual name."""


@dataclass(frozen=True)
class About:
    """The version that is judged, and the promotion that waits for it, if one does."""

    project: str
    application: str
    version: str
    digest: Digest
    artifact: Digest | None = None
    """What evidence is usually about: its only or first artifact."""
    promotion_id: str | None = None
    on_its_page: bool = False
    """Whether this is shown on the promotion's own page, where one answers anyway."""


@dataclass(frozen=True)
class Step:
    """Something that would help."""

    says: str
    path: str = ""
    """The page on which it is done."""
    command: str = ""
    """What to type."""


@dataclass(frozen=True)
class Row:
    """One rule's answer."""

    finding: Finding
    gates: str
    state: str
    """One of `passed`, `waived`, `failed`, `awaited`, `not judged`, `warns` and `announced`."""
    stops: bool
    """Whether the gate stays closed because of it."""
    lists: bool = False
    """Whether the single things that stand against the version are listed."""
    steps: tuple[Step, ...] = ()
    parts: tuple[Row, ...] = ()
    """Of a combined rule: what each of its rules says."""


def rows(findings: Iterable[Finding], about: About) -> tuple[Row, ...]:
    """Every rule's answer, those that stand in the way first."""
    joined: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        joined.setdefault((one.stage, one.policy, one.rule, one.outcome, one.observed, one.remedy), []).append(one)
    found = [_row(same[0], " and ".join(one.gate for one in same), about) for same in joined.values()]
    return tuple(sorted(found, key=lambda row: (not row.stops, _ORDER.index(row.state))))


def counts(found: Iterable[Row]) -> tuple[tuple[str, int, str], ...]:
    """How many rules say what, with the colour of each: for a bar."""
    colours = {"passed": "good", "waived": "info", "awaited": "warn", "failed": "bad", "not judged": "bad"}
    states = [row.state for row in found]
    order = ("passed", "waived", "awaited", "failed", "not judged", "warns", "announced")
    return tuple((one, states.count(one), colours.get(one, "grey")) for one in order if one in states)


def state_of(finding: Finding) -> str:
    """One word for what a rule says, and whether it counts."""
    if finding.outcome is Outcome.ALLOW:
        return "passed"
    if finding.waived:
        return "waived"
    if finding.effective_on is not None:
        return "announced"
    if finding.mode is not Mode.BLOCK:
        return "warns"
    return {Outcome.PENDING: "awaited", Outcome.ERROR: "not judged"}.get(finding.outcome, "failed")


def waiver_path(about: About, finding: Finding, violation: Violation) -> str:
    """The page on which an exception is asked for, filled in for one thing that stands against the version."""
    asked = {
        "application": about.application,
        "version": about.version,
        "policy": finding.policy,
        "rule": finding.rule,
        "stage": finding.stage,
        "artifact": violation.artifact,
        "component": violation.component,
        "vulnerability": violation.vulnerability,
        "severity": violation.severity,
        "promotion": about.promotion_id,
    }
    given = {name: str(value) for name, value in asked.items() if value}
    return f"{links.project(about.project)}/waivers/new?{urlencode(given)}"


def attach_command(about: About, awaits: str) -> str:
    """The commands that make evidence of a kind, or a predicate type, out of a tool's output and hand it in."""
    kind, file = _TYPES.get(awaits, (awaits, "predicate.json"))
    subject = f"{about.application}={about.artifact or about.digest}"
    return (
        f"hallmark evidence sign {file} --type {kind} --subject {subject} --key key.pem -o evidence.json\n"
        f"hallmark evidence attach evidence.json -p {about.project}"
    )


def _row(finding: Finding, gates: str, about: About) -> Row:
    state = state_of(finding)
    stops = not finding.lets_pass and finding.mode is Mode.BLOCK and finding.effective_on is None
    parts = tuple(_row(one, gates, about) for one in finding.parts)
    steps = () if finding.lets_pass or parts else tuple(_steps(finding, about))
    return Row(finding, gates, state, stops, _lists(finding), steps, parts)


def _steps(finding: Finding, about: About) -> Iterator[Step]:
    if finding.awaits == "approval":
        if not about.on_its_page:
            yield _answering(about)
        return
    if finding.outcome is Outcome.PENDING and finding.awaits:
        there = links.version(about.project, about.application, about.version)
        yield Step("Hand in a signed file", path=f"{there}/evidence#send")
    for one in [one for one in finding.violations if not one.waived_by][:_MOST_WAIVERS]:
        yield Step(f"Ask for a waiver{_named(one)}", path=waiver_path(about, finding, one))
    if finding.outcome is Outcome.PENDING and finding.awaits:
        yield Step("Sign and attach it", command=attach_command(about, finding.awaits))


def _answering(about: About) -> Step:
    if about.promotion_id:
        return Step(
            "Answer on the page of the promotion", path=links.thing(about.project, "promotions", about.promotion_id)
        )
    return Step("Ask for the promotion: whoever may approve it can answer then.")


def _named(one: Violation) -> str:
    named = " in ".join(part for part in (one.vulnerability, one.component) if part)
    return f": {named}" if named else ""


def _lists(finding: Finding) -> bool:
    """Whether what stands against the version is worth a list: one thing alone may be said already."""
    if finding.parts or not finding.violations:
        return False
    alone = finding.violations[0] if finding.violation_count == 1 else None
    return alone is None or bool(alone.waived_by) or alone.says not in finding.observed
