"""Rules of policies as sentences, from the documents that policies are.

A sentence names what most people ask about; every other field of the rule stands below it, by its own name. So nothing
that a rule says is left out, and a field that is new is shown before anybody has found words for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS: Mapping[str, str] = {
    "required_evidence": "Evidence of a type is there, signed and young enough.",
    "vulnerability_limit": "No more known vulnerabilities than are tolerated.",
    "licenses": "Components are under licences that are accepted.",
    "provenance": "It is known who built it, from what, and how.",
    "tests_passed": "Tests passed.",
    "composition": "What the version consists of is what it may consist of.",
    "approvals": "People have answered for this entry, having seen this evidence.",
    "stage_passed": "This very version has passed a gate before.",
    "soak": "The version has stood in a stage for a time without an incident.",
    "version_order": "The version is newer than the one that it replaces.",
    "source_branch": "The version comes from certain branches and repositories.",
    "rego": "A module in Rego says so.",
    "all_of": "Several rules hold together.",
    "any_of": "One of several rules holds.",
}
"""What each kind of rule asks, in one line."""
_SHOWN_ELSEWHERE = frozenset({"id", "title", "kind", "remedy", "effective_on", "waivable", "rules", "rego"})
_SEVERITIES = ("critical", "high", "medium", "low", "none", "unknown")
_LONGEST = 300
_UNITS = {"d": "day", "h": "hour", "m": "minute"}
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class RuleText:
    """One rule as it is read."""

    id: str
    title: str
    kind: str
    sentence: str
    parameters: tuple[tuple[str, str], ...]
    """What the rule says beside that, by the names of its fields."""
    remedy: str
    effective_on: str
    waivable: bool
    module: str
    """Source of a rule in Rego; empty for other kinds."""
    parts: tuple[RuleText, ...] = ()


def read(rules: Iterable[Rule]) -> tuple[RuleText, ...]:
    """The rules of a document in its normal form."""
    return tuple(_read(rule) for rule in rules)


def _read(rule: Rule) -> RuleText:
    kind = str(rule["kind"])
    say = _SENTENCES.get(kind)
    return RuleText(
        id=str(rule["id"]),
        title=str(rule["title"]),
        kind=kind,
        sentence=say(rule) if say else KINDS.get(kind, ""),
        parameters=tuple(_parameters(rule)),
        remedy=str(rule.get("remedy") or ""),
        effective_on=str(rule.get("effective_on") or ""),
        waivable=bool(rule.get("waivable", True)),
        module=str(rule.get("rego") or ""),
        parts=read(rule.get("rules", ())),
    )


def _parameters(rule: Rule) -> Iterator[tuple[str, str]]:
    for name, value in rule.items():
        if name not in _SHOWN_ELSEWHERE and value not in (None, (), [], {}, False):
            yield name, as_text(value)


def as_text(value: Any) -> str:
    """A value of a rule on one line, cut where it is very long."""
    match value:
        case Mapping():
            text = ", ".join(f"{key} {as_text(item)}" for key, item in value.items())
        case str():
            text = value
        case bool():
            text = "yes" if value else "no"
        case Sequence():
            text = ", ".join(as_text(item) for item in value)
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _signed(rule: Rule) -> str:
    """Who signs evidence and how old it may be, to be put behind it."""
    parts = []
    if rule.get("signer_role"):
        parts.append(f"signed in the role {rule['signer_role']}")
    if rule.get("max_age"):
        parts.append(f"at most {in_words(rule['max_age'])} old")
    return f" ({', '.join(parts)})" if parts else ""


def in_words(duration: str) -> str:
    """A length of time such as `7d`, in words."""
    number, unit = duration[:-1], _UNITS.get(duration[-1:], "")
    return f"{number} {unit}{'' if number == '1' else 's'}" if unit else duration


def _any(values: Sequence[Any]) -> str:
    names = [str(value) for value in values]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _required_evidence(rule: Rule) -> str:
    signers = int(rule.get("min_signers") or 1)
    by = f", by at least {signers} signers" if signers > 1 else ""
    what = rule.get("evidence") or rule.get("predicate_type")
    return f"There is evidence of the type {what} about every artifact{_signed(rule)}{by}."


def _vulnerability_limit(rule: Rule) -> str:
    limits = rule.get("max") or {}
    parts = [f"at most {limits[name]} {name}" for name in _SEVERITIES if limits.get(name)]
    none = [name for name in _SEVERITIES if limits.get(name) == 0]
    if none:
        parts.insert(0, f"none that is {_any(none)}")
    if score := rule.get("max_score"):
        parts.append(f"at most {score.get('max', 0)} with a CVSS score of {score['at_least']} or more")
    if rule.get("exploited") is not None:
        parts.append(f"at most {rule['exploited']} known to be exploited")
    if epss := rule.get("epss"):
        parts.append(f"at most {epss.get('max', 0)} with an EPSS probability of {epss['at_least']} or more")
    fixable = " Only those with a fix count." if rule.get("only_fixable") else ""
    return f"The newest scan of every artifact{_signed(rule)} shows {'; '.join(parts)}.{fixable}"


def _licenses(rule: Rule) -> str:
    parts = []
    for name, says in (("allow", "is under {}"), ("deny", "is not under {}"), ("review", "has a waiver for {}")):
        if rule.get(name):
            parts.append(says.format(as_text(_any(rule[name]))))
    return f"Every component of every artifact {'; '.join(parts)}."


def _provenance(rule: Rule) -> str:
    builders = _any([one["id"] for one in rule["builders"]])
    sources = f" from {_any(rule['source_repositories'])}" if rule.get("source_repositories") else ""
    level = f", at SLSA Build level {rule['min_level']} or higher" if int(rule.get("min_level") or 1) > 1 else ""
    return as_text(f"Every artifact was built by {builders}{sources}{level}{_signed(rule)}.")


def _tests_passed(rule: Rule) -> str:
    least = int(rule.get("min_passed") or 1)
    parts = [f"at least {least} {'test' if least == 1 else 'tests'} passed"]
    if rule.get("min_pass_rate"):
        parts.append(f"{rule['min_pass_rate']} percent of them passed")
    else:
        parts.append("none failed")
    if rule.get("min_coverage"):
        parts.append(f"{rule['min_coverage']} percent of the lines were run")
    return f"The newest test results for every artifact{_signed(rule)} say that {' and '.join(parts)}."


def _composition(rule: Rule) -> str:
    parts = []
    if rule.get("artifact_types"):
        parts.append(f"has artifacts of the types {_any(rule['artifact_types'])} only")
    if rule.get("min_artifacts") is not None:
        parts.append(f"has at least {rule['min_artifacts']} artifacts")
    if rule.get("max_artifacts") is not None:
        parts.append(f"has at most {rule['max_artifacts']} artifacts")
    if rule.get("max_contained") is not None:
        parts.append(f"contains at most {rule['max_contained']} other versions")
    if rule.get("covered_by"):
        parts.append(f"has evidence about every artifact of each of {as_text(rule['covered_by'])}")
    return f"The version {'; '.join(parts)}."


def _approvals(rule: Rule) -> str:
    quorums = [rule, *(rule.get("also") or ())]
    wanted = " and ".join(f"{one.get('count') or 1} in the role {one['role']}" for one in quorums)
    apart = rule.get("separate_from")
    others = f", none of whom is {_any([str(one).replace('_', ' ') for one in apart])}" if apart else ""
    return f"People approved this entry, having seen this evidence: {wanted}{others}."


def _stage_passed(rule: Rule) -> str:
    within = f" within the last {in_words(rule['within'])}" if rule.get("within") else ""
    clean = " without any waiver" if rule.get("without_waivers") else ""
    return f"This very version passed the {rule.get('gate', 'entry')} gate of {rule['stage']}{within}{clean}."


def _soak(rule: Rule) -> str:
    quiet = " without an incident" if rule.get("no_incidents", True) else ""
    return f"The version has stood in {rule['stage']} for {in_words(rule['for'])}{quiet}."


def _version_order(rule: Rule) -> str:
    same = " or the same" if rule.get("same_ok") else ""
    return (
        f"The version is newer{same} than the one that stands in the stage, as {rule.get('scheme', 'semver')} orders."
    )


def _source_branch(rule: Rule) -> str:
    repositories = f" of {_any(rule['repositories'])}" if rule.get("repositories") else ""
    return as_text(f"The version comes from the branch {_any(rule['branches'])}{repositories}.")


def _rego(rule: Rule) -> str:
    return f"The template {rule['template']} says so." if rule.get("template") else KINDS["rego"]


_SENTENCES: Mapping[str, Callable[[Rule], str]] = {
    "required_evidence": _required_evidence,
    "vulnerability_limit": _vulnerability_limit,
    "licenses": _licenses,
    "provenance": _provenance,
    "tests_passed": _tests_passed,
    "composition": _composition,
    "approvals": _approvals,
    "stage_passed": _stage_passed,
    "soak": _soak,
    "version_order": _version_order,
    "source_branch": _source_branch,
    "rego": _rego,
}
