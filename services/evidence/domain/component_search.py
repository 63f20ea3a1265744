"""Which components of a bill of materials somebody looks for: pure."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.facts import Component

NO_LICENSE = "NOASSERTION"
"""Looked for as a licence, it stands for components that say none."""


@dataclass(frozen=True)
class Wanted:
    """What a component must be like; what is empty asks for nothing."""

    text: str = ""
    """Part of its package URL, in whatever case."""
    type: str = ""
    """The type of its package URL, such as `pypi`."""
    license: str = ""
    """Part of one of its licences, in whatever case."""

    @property
    def everything(self) -> bool:
        """Whether every component fits."""
        return not (self.text or self.type or self.license)

    def fits(self, component: Component) -> bool:
        """Whether this is one of those looked for."""
        purl = component.purl.lower()
        if self.text.lower() not in purl:
            return False
        if self.type and not purl.startswith(f"pkg:{self.type.lower()}/"):
            return False
        if not self.license:
            return True
        licenses = component.licenses or (NO_LICENSE,)
        return any(self.license.lower() in one.lower() for one in licenses)
