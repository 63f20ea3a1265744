"""The version must come from certain branches, of certain repositories.

- What counts is the source that the version was registered with: it is part of its digest and cannot be added later,
  so a version that says none is denied, not waited for.
- A pattern is compared with the whole name. `*` stands for anything within one part of a path, `**` for anything.
- `refs/heads/main` and `main` are one branch. Any other reference, such as a tag, is no branch.
- A repository is the same with or without `git+` before it and `.git` or `/` behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.findings import Violation
from contracts.vocabulary import Outcome, SourceCommit
from shared.policy.dossier import Dossier
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, weigh

_HEADS = "refs/heads/"
_NEW_VERSION = "register a new version: a version's source is part of what it is and cannot be added later"
_PART = re.compile(r"\*+|[^*]")
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^\S+$")]
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=50)]


class SourceBranch(RuleHead):
    """What people write for this rule."""

    kind: Literal["source_branch"]
    branches: Patterns
    """Patterns, of which one must match."""
    repositories: Patterns | None = None
    """Patterns, of which one must match; absent: any repository."""


def check(rule: SourceBranch, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the version's source names a branch, and a repository, that the rule accepts."""
    source = dossier.circumstances.source
    branches = ", ".join(rule.branches)
    where = f" of {' or '.join(rule.repositories)}" if rule.repositories else ""
    good = RuleAnswer(
        Outcome.ALLOW,
        f"It was built from {source.branch} of {source.repository}." if source is not None else "",
        f"The version was built from a branch that matches {branches}{where}.",
    )
    problems = [
        Problem(Violation(says=says, artifact=dossier.version_digest), remedy=remedy)
        for says, remedy in _faults(rule, source)
    ]
    return weigh(problems, context.waivers, good)


def _faults(rule: SourceBranch, source: SourceCommit | None) -> Iterator[tuple[str, str]]:
    if source is None:
        yield (
            "The version does not say what it was built from",
            f"Say repository, commit and branch, and {_NEW_VERSION}.",
        )
        return
    if source.branch is None:
        yield "The version does not say which branch it was built from", f"Say the branch, and {_NEW_VERSION}."
    elif not _on_branch(source.branch, rule.branches):
        yield (
            f"The version was built from {source.branch}",
            f"Build from a branch that matches {', '.join(rule.branches)} and register a new version.",
        )
    if rule.repositories and not _matches(_repository(source.repository), map(_repository, rule.repositories)):
        yield (
            f"The version was built from the repository {source.repository}",
            f"Build it from {' or '.join(rule.repositories)} and register a new version.",
        )


def _on_branch(reference: str, patterns: Iterable[str]) -> bool:
    branch = reference.removeprefix(_HEADS)
    return not branch.startswith("refs/") and _matches(branch, (one.removeprefix(_HEADS) for one in patterns))


def _repository(name: str) -> str:
    return name.removeprefix("git+").rstrip("/").removesuffix(".git")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(_fits(name, _PART.findall(pattern)) for pattern in patterns)


def _fits(name: str, pattern: Sequence[str]) -> bool:
    # All places in the pattern at once: a regular expression of many wildcards could take for ever.
    places = _skipping({0}, pattern)
    for letter in name:
        stepped = {
            place if _wild(pattern[place]) else place + 1
            for place in places
            if place < len(pattern) and _takes(pattern[place], letter)
        }
        places = _skipping(stepped, pattern)
    return len(pattern) in places


def _skipping(places: set[int], pattern: Sequence[str]) -> set[int]:
    # A wildcard stands for nothing, too.
    found = set(places)
    for place in sorted(places):
        after = place
        while after < len(pattern) and _wild(pattern[after]):
            after += 1
            found.add(after)
    return found


def _takes(part: str, letter: str) -> bool:
    return letter != "/" if part == "*" else _wild(part) or part == letter


def _wild(part: str) -> bool:
    return part.startswith("*")
