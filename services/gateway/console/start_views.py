"""The way from nothing to a first gated promotion: five steps, and which of them are done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from contracts.evidence.v1.views import EvidenceView
from contracts.promotion.v1.views import PromotionView
from contracts.registry.v1.views import ApplicationView, ProjectView, StageView, VersionSummary
from contracts.vocabulary import GateKind, PromotionKind
from services.gateway.console.move_views import forecast_path


@dataclass(frozen=True)
class Found:
    """What is there already, of the project that is set up."""

    project: ProjectView | None = None
    application: ApplicationView | None = None
    policies: bool = False
    version: VersionSummary | None = None
    believed: bool = False
    """Whether anybody's signatures are believed."""
    evidence: Sequence[EvidenceView] = ()
    promotions: Sequence[PromotionView] = ()
    """Those of the application that have completed."""

    @property
    def stages(self) -> Sequence[StageView]:
        """Of the first lifecycle."""
        return self.project.lifecycles[0].stages if self.project and self.project.lifecycles else ()

    @property
    def guarded(self) -> StageView | None:
        """The first stage that a policy guards."""
        return next((stage for stage in self.stages if GateKind.ENTRY not in stage.open), None)

    @property
    def counts(self) -> bool:
        """Whether evidence about the version is there that counts."""
        return any(one.item.verified for one in self.evidence)

    @property
    def passed(self) -> bool:
        """Whether a version has come through a gate that is guarded."""
        open_ones = {stage.name for stage in self.stages if GateKind.ENTRY in stage.open}
        return any(one.to_stage not in open_ones for one in self.promotions)

    @property
    def next_stage(self) -> StageView | None:
        """Where the version goes next, as far as the first guarded stage."""
        names = [stage.name for stage in self.stages]
        if self.version is None or (self.version.stage and self.version.stage not in names):
            return None
        place = names.index(self.version.stage) + 1 if self.version.stage else 0
        return self.stages[place] if place < len(names) else None


@dataclass(frozen=True)
class Step:
    """One step of the way."""

    number: int
    name: str
    title: str
    done: bool
    current: bool


_STEPS = (
    ("project", "Create a project with its lifecycle"),
    ("application", "Create an application"),
    ("policy", "Apply a first policy"),
    ("version", "Register a version"),
    ("promotion", "Send evidence, and promote"),
)


def steps(found: Found) -> tuple[Step, ...]:
    """The five steps; the first that is not done is the current one."""
    done = (
        bool(found.stages),
        found.application is not None,
        found.policies,
        found.version is not None,
        found.passed,
    )
    current = done.index(False) if False in done else len(done)
    return tuple(
        Step(place + 1, name, title, done[place], place == current) for place, (name, title) in enumerate(_STEPS)
    )


def next_path(found: Found) -> str:
    """The forecast of the next move; empty when there is none."""
    stage = found.next_stage
    if stage is None or found.application is None or found.version is None:
        return ""
    kind = PromotionKind.RELEASE if stage.release else PromotionKind.PROMOTE
    here = f"/projects/{found.application.project}/applications/{found.application.application}"
    return forecast_path(here, found.version.version, kind, stage.name)


def path(project: str, step: str = "") -> str:
    """The guide for a project, at a step."""
    query = urlencode({"project": project}) if project else ""
    return f"/start?{query}{f'#step-{step}' if step else ''}"


def first_own(projects: Iterable[ProjectView], sample: str) -> str:
    """The project that the guide goes on with when none is named; empty for none."""
    return next((one.project for one in projects if one.project != sample), "")
