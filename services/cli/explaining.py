"""Verdicts and findings in words: what was there, what was asked for, what to do, and what it all rested on.

- What gates said is shown as it was said; nothing is judged here.
- A rule that waivers let pass is shown as waived, with what it says itself: whoever reads it must see both.
- Of the things that stand against a version the first few are named, those that still count first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from rich.markup import escape

from contracts.circumstances import WaiverFacts
from contracts.findings import Finding, Violation
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import Mode, Outcome
from services.cli.output import mark

_NAMED = 10
"""How many things that stand against a version are named."""
_INDENT = "    "
_WIDTH = 10
Waivers = Mapping[str, WaiverFacts]


def verdict_lines(verdict: VerdictView) -> list[str]:
    """Everything about a verdict, as marked-up lines."""
    gates = ", ".join(f"{one.stage} {one.gate}" for one in verdict.passages)
    version = f"{verdict.project}/{verdict.application}/{verdict.version}"
    waivers = {one.waiver_id: one for one in verdict.circumstances.waivers} if verdict.circumstances else {}
    return [
        f"{mark(verdict.outcome)}  {escape(f'{version} at {gates}')}",
        *findings_lines(verdict.findings, waivers=waivers, awaited_until=verdict.awaited_until),
        "",
        "rests on",
        *_pinned(verdict),
    ]


def findings_lines(
    findings: Iterable[Finding], *, waivers: Waivers | None = None, awaited_until: datetime | None = None
) -> list[str]:
    """What each rule says, as marked-up lines; each begins with an empty one."""
    return [line for one in findings for line in ("", *_finding(one, waivers or {}, awaited_until))]


def moment(at: datetime) -> str:
    """A time as people read it, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def said(finding: Finding) -> str:
    """The outcome of a finding with its sign and colour; waived where waivers let it pass."""
    return mark("waived" if finding.waived else finding.outcome)


def _finding(
    finding: Finding, waivers: Waivers, awaited_until: datetime | None, *, part: bool = False
) -> Iterator[str]:
    where = finding.rule if part else f"{finding.stage} {finding.gate}  {finding.policy}/{finding.rule}"
    yield f"{said(finding)}  {escape(f'{where}: {finding.title}')}{_weight(finding)}"
    remedy = "" if finding.outcome is Outcome.ALLOW else finding.remedy
    facts = [("observed", finding.observed), ("required", finding.required), ("to do", remedy)]
    yield from (_line(word, text) for word, text in facts if text)
    yield from _violations(finding)
    yield from _waived(finding, waivers)
    yield from _awaited(finding, awaited_until)
    if finding.evidence:
        yield _line("evidence", ", ".join(finding.evidence))
    for one in finding.parts:
        yield from (f"{_INDENT}{line}" for line in _finding(one, waivers, awaited_until, part=True))


def _weight(finding: Finding) -> str:
    """What keeps a rule from counting, if anything does."""
    if finding.effective_on is not None:
        return f"  [dim]announced for {finding.effective_on:%Y-%m-%d}[/]"
    return "" if finding.mode is Mode.BLOCK else f"  [dim]stops nothing: mode {finding.mode}[/]"


def _violations(finding: Finding) -> Iterator[str]:
    alone = finding.violations[0] if finding.violation_count == 1 and finding.violations else None
    if finding.parts or (alone and not alone.waived_by and alone.says in finding.observed):
        return  # Each part names its own; one thing alone may be said already.
    named = finding.violations[:_NAMED]
    yield from (_line("" if number else "against", _violation(one)) for number, one in enumerate(named))
    more = finding.violation_count - len(named)
    if named and more > 0:
        yield _line("", f"and {more} more")


def _violation(one: Violation) -> str:
    return one.says + (f" (tolerated by {one.waived_by})" if one.waived_by else "")


def _waived(finding: Finding, waivers: Waivers) -> Iterator[str]:
    if not finding.waived:
        return
    yield _line("by itself", f"the rule says {finding.outcome}")
    for waiver_id in finding.waived:
        one = waivers.get(waiver_id)
        more = f" until {moment(one.expires_at)}, granted by {one.approved_by}: {one.reason}" if one else ""
        yield _line("waived by", f"{waiver_id}{more}")


def _awaited(finding: Finding, awaited_until: datetime | None) -> Iterator[str]:
    if finding.outcome is not Outcome.PENDING or finding.waived:
        return
    if finding.awaits:
        waits = awaited_until if finding.mode is Mode.BLOCK else None
        until = f", until {moment(waits)}" if waits else ""
        yield _line("awaits", f"{finding.awaits}{until}")
    if finding.passes_at:
        yield _line("passes at", moment(finding.passes_at))


def _pinned(verdict: VerdictView) -> Iterator[str]:
    yield _line("verdict", verdict.verdict_id)
    yield _line("asked", f"to {verdict.kind}, by {verdict.requested_by}")
    yield _line("version", verdict.version_digest)
    for number, digest in enumerate(verdict.policy_digests):
        yield _line("" if number else "policies", digest)
    counted = len(verdict.considered) or len(verdict.evidence)
    yield _line("evidence", f"{counted} pieces, set {verdict.evidence_set}")
    if verdict.waivers:
        trusted = "" if verdict.may_be_trusted else ": a release on it may not be called trusted"
        yield _line("waivers", ", ".join(one.waiver_id for one in verdict.waivers) + trusted)
    if verdict.circumstances_digest:
        yield _line("around it", f"circumstances {verdict.circumstances_digest}")
    yield _line("judged at", f"{moment(verdict.judged_at)}, not to be acted on after {moment(verdict.expires_at)}")
    yield _line("together", f"fingerprint {verdict.fingerprint}")


def _line(word: str, text: str) -> str:
    return f"{_INDENT}[dim]{word:<{_WIDTH}}[/]  {escape(text)}"
