"""People get tables and sentences, programs get JSON: one switch, `--json`, for every command."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.errors import HallmarkError

console = Console()
errors = Console(stderr=True)
_MARKS = {
    "allow": "[green]✓ allow[/]",
    "deny": "[red]✗ deny[/]",
    "pending": "[yellow]… pending[/]",
    "error": "[red]! error[/]",
    "waived": "[cyan]~ waived[/]",
    "passed": "[green]✓ passed[/]",
    "failed": "[red]✗ failed[/]",
    "completed": "[green]✓ completed[/]",
    "denied": "[red]✗ denied[/]",
    "trusted": "[green]✓ trusted[/]",
    "at_risk": "[yellow]! at risk[/]",
    "revoked": "[red]✗ revoked[/]",
    "distrusted": "[red]✗ distrusted[/]",
    "granted": "[green]✓ granted[/]",
    "refused": "[red]✗ refused[/]",
}


class Output:
    """Where answers go."""

    as_json = False

    def answer(self, value: Any, *people: Any) -> None:
        """One answer: `value` for programs, `people` (tables, marked-up lines) for people."""
        if self.as_json:
            print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - this is the program's output
            return
        for line in people:
            console.print(line, highlight=False, soft_wrap=isinstance(line, str))

    def progress(self, line: str) -> None:
        """A line of news for people while a command waits."""
        if not self.as_json:
            console.print(line, highlight=False, soft_wrap=True)

    def failure(self, error: HallmarkError) -> None:
        """What went wrong and what to do, on standard error."""
        if self.as_json:
            body = {"code": error.code, "detail": error.message, "remedy": error.remedy}
            errors.print_json(json.dumps(body))
            return
        errors.print(f"[red]{escape(error.message)}[/] [dim]({escape(error.code)})[/]", soft_wrap=True)
        if error.remedy:
            errors.print(f"  → {escape(error.remedy)}", soft_wrap=True)


out = Output()


class Marked(str):
    """Text whose markup is ours."""

    __slots__ = ()


def mark(word: str | None) -> Marked:
    """A word with its sign and colour."""
    return Marked(_MARKS.get(word or "", escape(word or "-")))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> Table:
    """A table of plain values; markup in them is shown, not obeyed, unless it came from `mark`."""
    made = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def findings_table(findings: Iterable[dict[str, Any]]) -> Table:
    """What gates said, with remedies; what only begins to count later, or was waived, is marked as such."""
    rows = [
        (
            _said(finding),
            f"{finding['stage']} {finding['gate']}",
            f"{finding['policy']}/{finding['rule']}",
            finding["observed"],
            finding["remedy"],
        )
        for finding in findings
    ]
    return table(("outcome", "gate", "rule", "observed", "what to do"), rows)


def _cell(value: Any) -> str:
    text = "-" if value is None or value == "" else str(value)
    return value if isinstance(value, Marked) else escape(text)


def _said(finding: dict[str, Any]) -> Marked:
    said = mark("waived" if finding.get("waived") else finding["outcome"])
    if begins := finding.get("effective_on"):
        return Marked(f"{said} [dim]announced for {escape(begins[:10])}[/]")
    return said
