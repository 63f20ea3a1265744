"""`hallmark policy test`: policies tried on made-up versions, without any server."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.markup import escape

from services.cli.exits import Exit
from services.cli.output import mark, out
from services.cli.policies.folders import Found, cases_for, cases_in, in_folder, policy_in
from services.cli.policies.trying import Tried, policy_of, try_policy
from services.cli.policies.written import in_case
from shared.errors import Invalid
from shared.policy.policy import Policy
from shared.rego.pool import answered_offline

Paths = Annotated[list[Path], typer.Argument(help="YAML files, or folders of them.", exists=True, readable=True)]


class Run(NamedTuple):
    """The cases of one test document, tried."""

    origin: str
    policy: str
    cases: list[Tried]


def test(paths: Paths) -> None:
    """Try policies on made-up versions (documents of kind PolicyTest). Ends with 3 when a case comes out otherwise."""
    found = cases_for(paths)
    if not found:
        raise Invalid(
            "policy_tests_missing",
            "There are no documents of kind PolicyTest in these places, nor beside these policies.",
            remedy="Write cases into a file such as prod-entry.test.yaml beside the policy.",
        )

    @cache
    def policies(folder: Path) -> list[Policy]:
        return [policy_in(one) for one in in_folder(folder, "Policy")]

    runs = [_run(one, policies(one.file.parent)) for one in found]
    tried = [(run, case) for run in runs for case in run.cases]
    failed = sum(not case.passed for _, case in tried)
    word = f"{mark('deny')} {failed} of {len(tried)}" if failed else f"{mark('allow')} all {len(tried)}"
    words = "cases come out otherwise than expected" if failed else "cases come out as expected"
    lines = [line for run, case in tried for line in _lines(run, case)]
    out.answer([_plain(run, case) for run, case in tried], *lines, f"{word} {words}")
    if failed:
        raise typer.Exit(Exit.DENIED)


def _run(found: Found, policies: list[Policy]) -> Run:
    written = cases_in(found)
    try:
        policy = policy_of(written, policies)
        return Run(found.origin, policy.name, try_policy(policy, written, answered_offline))
    except Invalid as error:
        raise in_case(error, found.origin) from error


def _lines(run: Run, case: Tried) -> list[str]:
    said = case.outcome or "does not govern"
    lines = [f"{mark('passed' if case.passed else 'failed')}  {escape(f'{run.policy}: {case.case}')}  [dim]({said})[/]"]
    for one in case.differences:
        lines.append(f"    {escape(f'{one.about}: expected {one.expected}, observed {one.observed}')}")
        lines += [f"      [dim]{escape(one.says)}[/]"] if one.says else []
    return lines


def _plain(run: Run, case: Tried) -> dict[str, Any]:
    return {
        "origin": run.origin,
        "policy": run.policy,
        "case": case.case,
        "passed": case.passed,
        "outcome": case.outcome,
        "differences": [
            {"about": one.about, "expected": one.expected, "observed": one.observed, "says": one.says}
            for one in case.differences
        ],
    }
