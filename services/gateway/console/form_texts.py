"""Texts of forms that hold several things, one a line, into what commands take, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.registry.v1.commands import Stage
from contracts.registry.v1.views import ApplicationView, LifecycleView
from contracts.vocabulary import Artifact, Criticality, GateKind, Maturity
from shared.errors import Invalid

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


def lines(text: str) -> tuple[str, ...]:
    """Each line without the space around it; empty ones are left out."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def pairs(text: str) -> dict[str, str]:
    """`name=value` on each line. Raises `Invalid` (`label_malformed`)."""
    found = {}
    for line in lines(text):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise Invalid("label_malformed", f"{line!r} is no label.", remedy="Write one label a line, as name=value.")
        found[name.strip()] = value.strip()
    return found


def paired(labels: Mapping[str, str]) -> str:
    """As `pairs` reads it."""
    return "\n".join(f"{name}={value}" for name, value in sorted(labels.items()))


def artifacts(text: str) -> tuple[Artifact, ...]:
    """A package URL and a SHA-256 on each line. Raises `Invalid` (`artifact_malformed`)."""
    found = []
    for line in lines(text):
        purl, _, digest = re.sub(r"[\s=]+(?=(?:sha256:)?[0-9a-fA-F]{64}$)", " ", line).rpartition(" ")
        match = _DIGEST.fullmatch(digest)
        if match is None or not purl.startswith("pkg:"):
            raise Invalid(
                "artifact_malformed",
                f"{line!r} names no artifact.",
                remedy="Write one artifact a line: its package URL, a space, and its SHA-256.",
            )
        found.append(Artifact(purl=purl.strip(), digest=f"sha256:{match[1].lower()}"))
    return tuple(found)


def stages(text: str) -> tuple[Stage, ...]:
    """Stage names, divided by commas: the first stands open, each other one has an entry that needs a policy."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise Invalid("lifecycle_empty", "A lifecycle needs a stage.", remedy="Name the stages, divided by commas.")
    return tuple(Stage(name=name, open=_open(place, len(names))) for place, name in enumerate(names))


def _open(place: int, count: int) -> tuple[GateKind, ...]:
    entry = (GateKind.ENTRY,) if place == 0 and count > 1 else ()
    return (*entry, GateKind.EXIT, *((GateKind.RELEASE,) if place == count - 1 else ()))


@dataclass(frozen=True)
class Context:
    """The business context of an application, as a form shows it."""

    title: str = ""
    criticality: str = Criticality.UNSPECIFIED.value
    maturity: str = Maturity.UNSPECIFIED.value
    owners: str = ""
    labels: str = ""
    lifecycle: str = "default"
    packages: str = ""


@dataclass(frozen=True)
class Choices:
    """What can be chosen from, each as its value and its words."""

    lifecycles: tuple[tuple[str, str], ...]
    criticalities: tuple[tuple[str, str], ...] = tuple((one.value, one.value) for one in Criticality)
    maturities: tuple[tuple[str, str], ...] = tuple((one.value, one.value.replace("_", " ")) for one in Maturity)


def context_of(application: ApplicationView) -> Context:
    """What a form about this application is filled with."""
    return Context(
        title=application.title,
        criticality=application.criticality.value,
        maturity=application.maturity.value,
        owners=joined(application.owners),
        labels=paired(application.labels),
        lifecycle=application.lifecycle,
        packages=joined(application.packages),
    )


def choices_of(lifecycles: Iterable[LifecycleView]) -> Choices:
    """What a form about an application of this project offers."""
    return Choices(tuple((one.lifecycle, one.lifecycle) for one in lifecycles))


def joined(texts: Iterable[str]) -> str:
    """One a line."""
    return "\n".join(texts)
