"""What somebody experienced would say on reading a policy that is well formed.

- A warning is about what probably does not do what its author wants; an info is about what others would do as well.
- Every remark has a stable code, says where, and what to do.
- Rules of kinds that there is no advice for get what is true of every rule.
- What cannot be known from the document is not guessed: which stages, applications and labels there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.vocabulary import Criticality, GateKind, Mode
from shared.policy.duration import format_duration
from shared.policy.policy import GateReference, Policy

Level = Literal["warning", "info"]
LONG_WAIVER = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to think about."""

    code: str
    level: Level
    rule: str
    """The rule's id; empty when it is about the policy."""
    says: str
    remedy: str


def remarks_on(policy: Policy, at: datetime, *, tested: bool) -> list[Remark]:
    """What there is to say about the policy as a whole, read at the time `at`."""
    return [
        *_about_mode(policy),
        *_about_announcements(policy, at),
        *_about_gates(policy),
        *_about_waivers(policy),
        *([] if tested else [_untested(policy)]),
    ]


def _about_mode(policy: Policy) -> Iterator[Remark]:
    if policy.spec.mode is not Mode.BLOCK:
        yield Remark(
            "never-blocks",
            "warning",
            "",
            f"No rule stops anything: the policy is in mode {policy.spec.mode}.",
            "Use mode block once it has been watched for long enough; a gate needs a blocking policy to open.",
        )


def _about_announcements(policy: Policy, at: datetime) -> Iterator[Remark]:
    written = [("", policy.spec.effective_on), *((rule.id, rule.effective_on) for rule in policy.spec.rules)]
    for rule, begins in written:
        if begins is not None and begins <= at:
            yield Remark(
                "announcement-over",
                "warning",
                rule,
                f"It counts since {begins:%Y-%m-%d} already.",
                "Remove `effective_on`: it announces nothing any more.",
            )
    starts = [policy.effective_on(rule) for rule in policy.spec.rules]
    if policy.spec.mode is Mode.BLOCK and all(begins is not None and begins > at for begins in starts):
        yield Remark(
            "only-announced",
            "info",
            "",
            "Until its rules count, nothing in it governs its gates.",
            "See that another policy in mode block governs them until then, or that the lifecycle declares them open.",
        )


def _about_gates(policy: Policy) -> Iterator[Remark]:
    gates = policy.spec.gates
    for number, gate in enumerate(gates):
        if any(_includes(other, gate) and (other != gate or before < number) for before, other in enumerate(gates)):
            yield Remark(
                "gate-named-twice",
                "warning",
                "",
                f"The gate {gate.stage} {gate.gate} is named more than once.",
                "Name each gate once; `*` already stands for every one.",
            )


def _includes(wide: GateReference, gate: GateReference) -> bool:
    return wide.stage in ("*", gate.stage) and wide.gate in ("*", gate.gate)


def _about_waivers(policy: Policy) -> Iterator[Remark]:
    terms = policy.spec.waivers
    if not terms.allowed:
        return
    if terms.max_duration > LONG_WAIVER:
        yield Remark(
            "waivers-too-long",
            "warning",
            "",
            f"Waivers may last {format_duration(terms.max_duration)}: an exception for that long is a rule.",
            "Lower `waivers.max_duration`; whoever still needs one can ask again.",
        )
    releases = any(gate.gate in ("*", GateKind.RELEASE) for gate in policy.spec.gates)
    if releases and terms.trusted and for_critical(policy):
        yield Remark(
            "waived-release-trusted",
            "info",
            "",
            "A release of a critical application may be called trusted though it needed waivers on its way.",
            "Set `waivers.trusted: false` if it should not.",
        )


def for_critical(policy: Policy) -> bool:
    """Whether the scope names applications that the business depends on critically."""
    return Criticality.CRITICAL in (policy.spec.scope.criticality or ())


def _untested(policy: Policy) -> Remark:
    return Remark(
        "untested",
        "info",
        "",
        "No test cases lie beside it.",
        f"Write what it is meant to say into {policy.name}.test.yaml, and run `hallmark policy test`.",
    )


def named_twice(policy: Policy) -> Remark:
    """What there is to say about each of several policies of one name."""
    return Remark(
        "policy-named-twice",
        "warning",
        "",
        f"Another document here is the policy {policy.metadata.project}/{policy.name} as well.",
        "Give one of them another name, or remove it: the last one applied holds.",
    )
