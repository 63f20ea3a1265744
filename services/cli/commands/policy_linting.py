"""`hallmark policy lint`: policies in files, read over without any server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import typer
from rich.markup import escape

from services.cli.commands.documents import document_from
from services.cli.commands.policy_trying import Paths
from services.cli.exits import Exit
from services.cli.output import mark, out
from services.cli.policies.advice import Remark, named_twice, remarks_on
from services.cli.policies.folders import (
    API_VERSION,
    TEMPLATE_KIND,
    TEST_KIND,
    Found,
    cases_in,
    documents_in,
    policy_in,
    template_in,
    tested_in,
)
from services.cli.policies.rule_advice import remarks_on_rules
from shared.clock import utc_now
from shared.errors import Invalid
from shared.policy.policy import Policy
from shared.policy.rules import Rego, each_rule
from shared.policy.template import RuleTemplate
from shared.rego.pool import checked_offline
from shared.yaml_reading import yaml_files

Problems = list[tuple[str, Invalid]]
"""What is malformed, with where it is."""
T = TypeVar("T")


class Read(NamedTuple):
    """A policy that is well formed, and what there is to say about it."""

    origin: str
    policy: Policy
    remarks: list[Remark]


def lint(
    paths: Paths, *, strict: Annotated[bool, typer.Option("--strict", help="Warnings end with 3 as well.")] = False
) -> None:
    """Read policies over: what is malformed (ends with 2), and what somebody experienced would say about the rest."""
    errors: Problems = []
    files = dict.fromkeys(file for path in paths for file in yaml_files(path))
    found = [one for file in files for one in _documents(file, errors)]
    read = list(_read_over(found, errors))
    if not read and not errors:
        raise Invalid("policies_missing", "There are no policies in these places.", remedy="Name other ones.")
    lines = [_error_line(origin, error) for origin, error in errors]
    lines += [_remark_line(one, remark) for one in read for remark in one.remarks]
    warnings = sum(remark.level == "warning" for one in read for remark in one.remarks)
    counted = f"{len(read)} policies read: {len(errors)} errors, {warnings} warnings"
    out.answer(
        _plain_remarks(errors, read),
        *lines,
        f"{mark('deny' if errors or (strict and warnings) else 'allow')} {counted}",
    )
    if errors:
        raise typer.Exit(Exit.USAGE)
    if strict and warnings:
        raise typer.Exit(Exit.DENIED)


def _documents(file: Path, errors: Problems) -> list[Found]:
    return _or_error(str(file), lambda: list(documents_in(file)), errors) or []


def _read_over(found: list[Found], errors: Problems) -> Iterator[Read]:
    """The policies with remarks; of other documents only what is malformed is told."""
    tested, now = cache(tested_in), utc_now()
    policies = [(one, policy) for one in found if one.kind == "Policy" and (policy := _policy(one, errors))]
    times = Counter((policy.metadata.project, policy.name) for _, policy in policies)
    for one, policy in policies:
        remarks = remarks_on(policy, now, tested=policy.name in tested(one.file.parent)) + remarks_on_rules(policy)
        again = [named_twice(policy)] if times[policy.metadata.project, policy.name] > 1 else []
        yield Read(one.origin, policy, remarks + again)
    for one in found:
        _check_other(one, errors)


def _check_other(found: Found, errors: Problems) -> None:
    """What is wrong with a document that is no policy; those of other programs are nobody's business here."""
    ours = isinstance(found.whole, dict) and found.whole.get("apiVersion") == API_VERSION
    if found.kind == TEST_KIND:
        _or_error(found.origin, lambda: cases_in(found), errors)
    elif found.kind == TEMPLATE_KIND:
        _or_error(found.origin, lambda: _sound_template(found), errors)
    elif ours and found.kind != "Policy":
        _or_error(found.origin, lambda: document_from(found.origin, found.whole), errors)


def _policy(found: Found, errors: Problems) -> Policy | None:
    return _or_error(found.origin, lambda: _with_sound_modules(found), errors)


def _with_sound_modules(found: Found) -> Policy:
    policy = policy_in(found)
    for rule in each_rule(policy.spec.rules):
        if isinstance(rule, Rego) and rule.rego:
            checked_offline(rule.rego)
    return policy


def _sound_template(found: Found) -> RuleTemplate:
    template = template_in(found)
    checked_offline(template.spec.rego)
    return template


def _or_error(origin: str, read: Callable[[], T], errors: Problems) -> T | None:
    try:
        return read()
    except Invalid as error:
        errors.append((origin, error))
        return None


def _error_line(origin: str, error: Invalid) -> str:
    said = error.message if error.message.startswith(origin) else f"{origin}: {error.message}"
    return f"[red]error[/]  {escape(said)} [dim]({error.code})[/]\n    {escape(error.remedy)}"


def _remark_line(one: Read, remark: Remark) -> str:
    colour = "yellow" if remark.level == "warning" else "blue"
    where = "/".join(part for part in (one.policy.name, remark.rule) if part)
    said = escape(f"{one.origin}: {where}: {remark.says}")
    return f"[{colour}]{remark.level}[/]  {said} [dim]({remark.code})[/]\n    {escape(remark.remedy)}"


def _plain_remarks(errors: Problems, read: list[Read]) -> list[dict[str, str]]:
    told = [
        {"level": "error", "code": error.code, "origin": origin, "says": error.message, "remedy": error.remedy}
        for origin, error in errors
    ]
    return told + [
        {
            "level": remark.level,
            "code": remark.code,
            "origin": one.origin,
            "policy": one.policy.name,
            "rule": remark.rule,
            "says": remark.says,
            "remedy": remark.remedy,
        }
        for one in read
        for remark in one.remarks
    ]
