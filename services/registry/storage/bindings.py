"""Packages that intake rules bind, and the rules themselves: a rule is part of its application's document."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterable

from services.registry.domain.intake_rule import Rule
from shared.messaging.unit_of_work import UnitOfWork
from shared.mongo import Collection, Document


class Bindings:
    """Which packages rules have bound, and what rules there are."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._applications = unit.collection("applications")
        self._packages = unit.collection("packages")

    async def bind(self, package: str, application: str) -> None:
        """Make a package part of `project/application`. Raises `DuplicateKeyError` when it was bound meanwhile."""
        await self._packages.add({"_id": package, "application": application, "by_rule": True})

    async def rules(self, projects: AnyOf[str] | None) -> dict[tuple[str, str], Rule]:
        """The rules by project and application, of these projects or of all."""
        where: Document = {"intake.versions": {"$exists": True}}
        if projects is not None:
            where["project"] = {"$in": sorted(projects)}
        return {(one["project"], one["name"]): rule_of(one) async for one in self._applications.stream(where)}


def rule_of(application: Document) -> Rule:
    """The intake rule of an application's document; one that does nothing where there is none."""
    intake = application.get("intake") or {}
    return Rule(**{**intake, "packages": tuple(intake.get("packages", ()))})


async def bound_by_rule(packages: Collection, application: str) -> list[str]:
    """The packages that a rule has bound to `project/application`, sorted."""
    found = await packages.every({"application": application, "by_rule": True}, only={"_id": 1})
    return sorted(str(one["_id"]) for one in found)


def still_bound(application: Document, packages: Iterable[str]) -> list[str]:
    """Those of its rule-bound `packages` that the rule of an application would bind today."""
    rule = rule_of(application)
    return [package for package in packages if rule.bind and rule.matches(package)]
