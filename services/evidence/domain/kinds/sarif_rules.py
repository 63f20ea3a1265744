"""The rules of one SARIF run: which rule a result speaks of, and at which level it is reported.

- A rule is found by its index in the driver or in the extension that the result names, if its id fits; else by id.
  An index that points to another rule is not followed: its rating would be somebody else's.
- Ids are hierarchical: a result for `CA1000/1` belongs to the rule `CA1000`.
- An invocation may override the level of a rule.

Source: OASIS SARIF 2.1.0 (errata 01), sections 3.19, 3.20.5, 3.49, 3.50, 3.51 and 3.52.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import Field

from services.evidence.domain.kinds import findings
from services.evidence.domain.kinds.reading import Part

Level = Literal["none", "note", "warning", "error"]
_Item = TypeVar("_Item")


class Configuration(Part):
    """How a rule is run."""

    level: Level = "warning"


class Rule(Part):
    """What a tool says of one of its rules."""

    id: str
    configuration: Configuration | None = Field(default=None, alias="defaultConfiguration")
    properties: dict[str, Any] | None = None
    old_ids: Any = Field(default=None, alias="deprecatedIds")

    def advisories(self) -> tuple[str, ...]:
        """The CVE and GHSA ids that it carries in its properties, or was called by."""
        values = (*(self.properties or {}).values(), self.old_ids)
        return findings.advisory_ids(
            text for value in values for text in (value if isinstance(value, list) else [value])
        )


class Component(Part):
    """The tool itself, or an extension of it."""

    name: str = Field(min_length=1)
    rules: tuple[Rule, ...] | None = None


class Tool(Part):
    """The tool of a run."""

    driver: Component
    extensions: tuple[Component, ...] | None = None


class _Descriptor(Part):
    id: str | None = None
    index: int = -1


class _Override(Part):
    descriptor: _Descriptor
    configuration: Configuration


@dataclass(frozen=True)
class RuleSet:
    """The rules of one run, ready to be looked up."""

    components: Sequence[Component]
    by_id: Mapping[str, Rule]
    overridden: Mapping[str, Level]

    @classmethod
    def of(cls, tool: Tool, overrides: Sequence[Mapping[str, Any]]) -> RuleSet:
        """The rules of `tool`. Raises pydantic's `ValidationError` when an override is malformed."""
        components = (tool.driver, *(tool.extensions or ()))
        by_id: dict[str, Rule] = {}
        for component in components:
            for rule in component.rules or ():
                by_id.setdefault(rule.id, rule)
        levels: dict[str, Level] = {}
        for override in map(_Override.model_validate, overrides):
            pointed = _at(tool.driver.rules or (), override.descriptor.index)
            name = override.descriptor.id or (pointed.id if pointed else None)
            if name:
                levels[name] = override.configuration.level
        return cls(components, by_id, levels)

    def rule(self, name: str | None, index: int, extension: int) -> Rule | None:
        """The rule a result speaks of; `index` and `extension` are negative when it names none."""
        component = self.components[0] if extension < 0 else _at(self.components[1:], extension)
        rule = _at((component.rules or ()) if component else (), index)
        if rule is not None and (name is None or rule.id in _ancestry(name)):
            return rule
        return next((self.by_id[one] for one in _ancestry(name) if one in self.by_id), None) if name else None

    def level(self, rule: Rule | None) -> Level:
        """The level at which a rule's results are reported when they name none themselves."""
        if rule is None:
            return "warning"
        return self.overridden.get(rule.id) or (rule.configuration or Configuration()).level


def _at(items: Sequence[_Item], index: int) -> _Item | None:
    return items[index] if 0 <= index < len(items) else None


def _ancestry(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition("/")[0]
