"""The version must be newer than the one that stands in the stage now.

- Names are compared by the rules of one scheme, read strictly: a name that is none of the scheme's versions denies.
- Where nobody stands there is nothing to compare, nor for a rollback or a demotion, which go back on purpose, nor for a
  re-certification, which replaces nobody.
- A version that leaves a stage where it stands itself replaces nobody there.
- Build metadata does not order: `1.0.0+7` is not newer than `1.0.0+6`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from packaging.version import Version
from univers.versions import MavenVersion, NugetVersion, RubygemsVersion, SemverVersion

from contracts.findings import Violation
from contracts.vocabulary import GateKind, Outcome, PromotionKind, VersionName
from shared.policy.dossier import Dossier
from shared.policy.rules.rule import Problem, RuleAnswer, RuleContext, RuleHead, weigh

Scheme = Literal["semver", "pep440", "maven", "nuget", "rubygems", "numeric"]
_NOT_COMPARED: Mapping[PromotionKind, str] = {
    PromotionKind.ROLLBACK: "A rollback goes back on purpose",
    PromotionKind.DEMOTE: "A demotion goes back on purpose",
    PromotionKind.RECERTIFY: "A re-certification replaces nobody",
}
_LEAVE = "Promote a version that is newer than the one that stands there; to go back on purpose, ask for a rollback."


class VersionOrder(RuleHead):
    """What people write for this rule."""

    kind: Literal["version_order"]
    scheme: Scheme = "semver"
    """How the application's versions are named; `numeric` is numbers between dots, as in calendar versions."""
    same_ok: bool = False
    """Whether a version that is neither older nor newer may pass too."""


class Ordered(Protocol):
    """A version that knows which other versions of its scheme are newer."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether this version is older."""


def check(rule: VersionOrder, dossier: Dossier, context: RuleContext) -> RuleAnswer:
    """Allow when the version is newer than the one that stands in the gate's stage."""
    standing = dossier.circumstances.current.get(context.stage)
    same = " or is the same" if rule.same_ok else ""
    required = f"The version is newer than the one that stands in {context.stage}{same}, by {rule.scheme}."
    if why := _NOT_COMPARED.get(context.kind):
        return RuleAnswer(Outcome.ALLOW, f"{why}: versions are not compared.", required)
    if standing is None:
        return RuleAnswer(Outcome.ALLOW, f"No version stands in {context.stage} yet.", required)
    if standing == dossier.version and context.gate is GateKind.EXIT:
        return RuleAnswer(Outcome.ALLOW, f"It stands in {context.stage} itself.", required)
    good = RuleAnswer(Outcome.ALLOW, f"{dossier.version} follows {standing} in {context.stage}.", required)
    problem = _compared(rule, dossier, context, standing)
    return weigh([problem] if problem else [], context.waivers, good)


def _compared(rule: VersionOrder, dossier: Dossier, context: RuleContext, standing: VersionName) -> Problem | None:
    ours, theirs = _SCHEMES[rule.scheme].read(dossier.version), _SCHEMES[rule.scheme].read(standing)
    unread = [name for name, read in ((dossier.version, ours), (standing, theirs)) if read is None]
    if ours is None or theirs is None:
        return Problem(
            Violation(says=f"{' and '.join(unread)} cannot be read by {rule.scheme}", artifact=dossier.version_digest),
            remedy=f"Name versions by {rule.scheme}, or write the scheme that names them into the policy.",
        )
    if theirs < ours or (rule.same_ok and not ours < theirs):
        return None
    word = "older than" if ours < theirs else "the same as"
    says = f"{dossier.version} is {word} {standing}, which stands in {context.stage}"
    return Problem(Violation(says=says, artifact=dossier.version_digest), remedy=_LEAVE)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the versions of one scheme: libraries that guess are asked for nothing that has not their shape."""

    shape: re.Pattern[str]
    build: Callable[[str], Ordered]

    def read(self, name: str) -> Ordered | None:
        if not self.shape.fullmatch(name):
            return None
        try:
            return self.build(name)
        except (ValueError, TypeError, IndexError):  # As libraries refuse what has the shape and is no version.
            return None


def _numbers(name: str) -> tuple[int, ...]:
    numbers = [int(part) for part in name.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()  # 1.0 is 1.
    return tuple(numbers)


_NUMBER = r"(?:0|[1-9]\d*)"
_BUILD = r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_LABEL = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SCHEMES: Mapping[str, _Reader] = {
    "semver": _Reader(
        re.compile(rf"v?{_NUMBER}(?:\.{_NUMBER}){{2}}(?:-{_LABEL}(?:\.{_LABEL})*)?{_BUILD}", re.ASCII),
        SemverVersion,
    ),
    "pep440": _Reader(re.compile(r"\S+"), lambda name: Version(Version(name).public)),
    "maven": _Reader(re.compile(r"\d[0-9A-Za-z._+-]*", re.ASCII), MavenVersion),
    "nuget": _Reader(
        re.compile(rf"v?\d+(?:\.\d+){{0,3}}(?:-[0-9A-Za-z.-]+)?{_BUILD}", re.ASCII),
        NugetVersion,
    ),
    "rubygems": _Reader(re.compile(r"\d+(?:\.[0-9A-Za-z]+)*", re.ASCII), RubygemsVersion),
    "numeric": _Reader(re.compile(r"\d+(?:\.\d+)*", re.ASCII), _numbers),
}
