"""Which runs of a pipeline may act, and for what.

- A rule fits a run when issuer and every claim that it names fit. A claim that the run does not make, or leaves
  empty, fits nothing.
- A rule pins, with one exact value, an id that nobody else can come by: GitHub's `repository_id`, GitLab's
  `project_id`, of other issuers `sub`. A run that has one of these ids counts only for rules that pin it: names can be
  given up, taken over and made again.
- Runs on what is not merged count for no rule, unless it says so. Which runs those are is not guessed from what is bad:
  GitHub and GitLab runs need a trigger that is known to be good, or one that the rule names itself.
- Roles add up within one application of one project, and never flow into another.
- Pipelines neither approve nor administer.

Sources: docs.github.com, OpenID Connect reference; docs.gitlab.com, ID token payload and `CI_PIPELINE_SOURCE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from contracts.vocabulary import Role
from shared.digests import sha256_digest
from shared.errors import Invalid
from shared.patterns import fits

SEPARATORS = "/@:"
WHOLE_PROJECT = "*"
ANCHORS: Final = ("repository_id", "project_id", "sub")
"""Claims that name a pipeline for good; the first that a run has is its anchor."""
RUN_CLAIMS: Final[Mapping[str, str]] = {"repository_id": "run_id", "project_id": "pipeline_id"}
TRIGGER_CLAIMS: Final[Mapping[str, str]] = {"repository_id": "event_name", "project_id": "pipeline_source"}
GOOD_TRIGGERS: Final[Mapping[str, frozenset[str]]] = {
    "event_name": frozenset({"push", "release", "workflow_dispatch", "schedule", "deployment", "repository_dispatch"}),
    "pipeline_source": frozenset({"push", "web", "schedule", "api", "trigger"}),
}
"""What starts a run from what is in the repository already, at the will of somebody who may write there."""
_REFUSED_ROLES = frozenset({Role.ADMIN, Role.APPROVER})
_MERGE_REQUESTS = frozenset({"merge_request_event", "external_pull_request_event"})
_UNMERGED_REFS = ("refs/pull/", "refs/merge-requests/", "refs/pipelines/")
_LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Grant:
    """Roles and the applications in which they hold."""

    applications: tuple[str, ...]
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class PipelineIdentity:
    """One rule. Raises `Invalid` when it could let somebody act who is not meant."""

    project: str
    name: str
    issuer: str
    claims: Mapping[str, tuple[str, ...]]
    grants: tuple[Grant, ...]
    allow_pull_requests: bool = False

    def __post_init__(self) -> None:
        for claim, patterns in self.claims.items():
            for pattern in patterns:
                if "**" in pattern.removesuffix("**") or pattern.endswith("***"):
                    raise _malformed(f"writes ** elsewhere than at the end of the claim {claim}")
        if not any(self._pins(claim) for claim in ANCHORS):
            raise _malformed(f"pins none of {', '.join(ANCHORS)} with one exact value")
        for grant in self.grants:
            refused = sorted(_REFUSED_ROLES & set(grant.roles))
            if refused:
                raise _malformed(f"grants the role {refused[0]}, which is for people")
            if WHOLE_PROJECT in grant.applications and len(grant.applications) > 1:
                raise _malformed(f"grants the whole project ({WHOLE_PROJECT}) and single applications at once")

    @property
    def anchors(self) -> tuple[str, ...]:
        """The ids that it pins, as `claim=value`."""
        return tuple(f"{claim}={self.claims[claim][0]}" for claim in ANCHORS if self._pins(claim))

    def _pins(self, claim: str) -> bool:
        patterns = self.claims.get(claim, ())
        return len(patterns) == 1 and "*" not in patterns[0]

    def misfit(self, issuer: str, claims: Mapping[str, str]) -> str | None:
        """What about a run does not fit, as the name of a claim; None when it fits."""
        anchor = anchor_claim(claims)
        if issuer != self.issuer:
            return "iss"
        if anchor is None or not self._pins(anchor):
            return anchor or "sub"
        for claim, patterns in sorted(self.claims.items()):
            value = claims.get(claim)
            if not value or not any(fits(pattern, value, SEPARATORS) for pattern in patterns):
                return claim
        return None if self.allow_pull_requests else _untrusted(anchor, claims, self.claims)


@dataclass(frozen=True)
class Resolution:
    """What a run may do, by the rules that fit it."""

    identities: tuple[str, ...]
    rights: Mapping[tuple[str, str], frozenset[Role]]
    """By project and application; `WHOLE_PROJECT` for all of one."""
    misfits: tuple[str, ...]


def resolve(rules: Iterable[PipelineIdentity], issuer: str, claims: Mapping[str, str]) -> Resolution:
    """Everything that the rules which fit grant together, and what is in the way of the others."""
    rights: dict[tuple[str, str], frozenset[Role]] = {}
    fitting, misfits = set(), set()
    for rule in rules:
        misfit = rule.misfit(issuer, claims)
        if misfit is not None:
            misfits.add(f"{rule.project}/{rule.name}: {misfit}")
            continue
        fitting.add(f"{rule.project}/{rule.name}")
        for grant in rule.grants:
            for application in grant.applications:
                place = (rule.project, application)
                rights[place] = rights.get(place, frozenset()) | frozenset(grant.roles)
    return Resolution(tuple(sorted(fitting)), dict(sorted(rights.items())), tuple(sorted(misfits)))


def anchor_claim(claims: Mapping[str, str]) -> str | None:
    """The claim that names the pipeline for good; None when a run has none."""
    return next((claim for claim in ANCHORS if claims.get(claim)), None)


def run_name(issuer: str, claims: Mapping[str, str]) -> str:
    """Who acts, as an actor's subject: issuer, immutable id, and the run where the issuer numbers them."""
    anchor = anchor_claim(claims) or "sub"
    value = claims.get(anchor, "")
    run = claims.get(RUN_CLAIMS.get(anchor, ""), "")
    end = f"/run/{quote(run, safe='')}" if run else ""
    begin = f"{issuer.removeprefix('https://')}/{anchor}/"
    name = f"{begin}{quote(value, safe=':')}{end}"
    return name if len(name) <= _LONGEST_SUBJECT else sha256_digest(name.encode())


def _untrusted(anchor: str, claims: Mapping[str, str], named: Mapping[str, tuple[str, ...]]) -> str | None:
    """The claim by which a run is on something unmerged, or not known to be on something merged."""
    said = {
        "head_ref": bool(claims.get("head_ref")),
        "base_ref": bool(claims.get("base_ref")),
        "ref": claims.get("ref", "").startswith(_UNMERGED_REFS),
        "ref_path": claims.get("ref_path", "").startswith(_UNMERGED_REFS),
        "sub": claims.get("sub", "").endswith(":pull_request"),
        "event_name": claims.get("event_name", "").startswith("pull_request"),
        "pipeline_source": claims.get("pipeline_source") in _MERGE_REQUESTS,
    }
    if unmerged := [claim for claim, against in said.items() if against]:
        return unmerged[0]
    trigger = TRIGGER_CLAIMS.get(anchor)
    known = trigger is None or trigger in named or claims.get(trigger) in GOOD_TRIGGERS[trigger]
    return None if known else trigger


def _malformed(problem: str) -> Invalid:
    return Invalid(
        "pipeline_identity_malformed",
        f"The pipeline identity {problem}.",
        remedy="Correct it as docs/pipelines.md says, and apply it again.",
    )
