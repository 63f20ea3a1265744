"""How far a flaw reaches, as a picture of layers: from the flaw by its components and versions to who answers for them.

- Each layer shows at most `MOST` boxes; what is left out is one box that says how many, and keeps its lines.
- Boxes stand in the order in which the answer names them, which is that of urgency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contracts.monitoring.v1.exposure import ExposedVersion, Exposure
from contracts.vocabulary import Trust

MOST = 8
LAYERS = ("What", "Component", "Version", "Where it is", "Owner")
_BOX, _GAP_X, _ROW, _HEIGHT, _TOP = 164.0, 28.0, 44.0, 34.0, 24.0
_LETTERS = 25
WIDTH = len(LAYERS) * _BOX + (len(LAYERS) - 1) * _GAP_X
_RISKY = (Trust.AT_RISK, Trust.REVOKED)


@dataclass(frozen=True, slots=True)
class Node:
    """One box."""

    x: float
    y: float
    title: str
    """All of it."""
    text: str
    """What fits into the box."""
    second: str
    kind: str
    path: str = ""
    """The page about it; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Graph:
    """All boxes and the lines between them."""

    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    """Paths."""
    height: float
    names: tuple[tuple[str, float], ...]
    """Each layer's name and place."""

    @property
    def sentence(self) -> str:
        """The picture in words."""
        return f"{len(self.nodes)} boxes in {len(LAYERS)} layers, from the flaw to the owners. The table says the same."


@dataclass(frozen=True, slots=True)
class _Box:
    title: str
    second: str = ""
    kind: str = ""
    path: str = ""


@dataclass
class _Layers:
    boxes: list[dict[str, _Box]] = field(default_factory=lambda: [{} for _ in LAYERS])
    links: dict[tuple[int, str, str], None] = field(default_factory=dict)

    def add(self, layer: int, key: str, box: _Box) -> str:
        self.boxes[layer].setdefault(key, box)
        return key

    def link(self, layer: int, one: str, other: str) -> None:
        """From a box of `layer` to one of the next."""
        self.links[layer, one, other] = None


def graph(exposure: Exposure, asked: str) -> Graph:
    """The picture of one page of an answer."""
    layers = _Layers()
    severities = {flaw.advisory: flaw.severity.value for flaw in exposure.flaws}
    for version in exposure.versions:
        _add(layers, version, asked, severities)
    shown, rest = _shown(layers.boxes)
    nodes: list[Node] = []
    places: dict[tuple[int, str], tuple[float, float]] = {}
    tallest = max((len(keys) for keys in shown), default=0)
    for layer, keys in enumerate(shown):
        top = _TOP + (tallest - len(keys)) * _ROW / 2
        for row, key in enumerate(keys):
            x, y = layer * (_BOX + _GAP_X), top + row * _ROW
            box = layers.boxes[layer].get(key) or _Box(f"{rest[layer]} more", "in the table", "more")
            nodes.append(Node(x, y, box.title, _cut(box.title), _cut(box.second), box.kind, box.path))
            places[layer, key] = (x, y)
    edges = dict.fromkeys(_edges(layers, places))
    names = tuple((name, layer * (_BOX + _GAP_X)) for layer, name in enumerate(LAYERS))
    return Graph(tuple(nodes), tuple(edges), _TOP + tallest * _ROW, names)


def _add(layers: _Layers, version: ExposedVersion, asked: str, severities: dict[str, str]) -> None:
    base = f"/projects/{version.project}/applications/{version.application}"
    name = f"{version.application} {version.version}"
    risky = "risky" if version.trust in _RISKY else "version"
    me = f"{version.project}/{name}"
    layers.add(2, me, _Box(name, version.project, risky, f"{base}/versions/{version.version}"))
    for finding in version.findings:
        flaw = finding.advisory or asked
        layers.add(0, flaw, _Box(flaw, severities.get(flaw, ""), "flaw"))
        fixed = f"fixed in {finding.fixed_in}" if finding.fixed_in else "cannot be decided" if finding.doubt else ""
        layers.add(1, finding.component, _Box(finding.component.removeprefix("pkg:"), fixed, "component"))
        layers.link(0, flaw, finding.component)
        layers.link(1, finding.component, me)
    for place in _places(version):
        # A box of its own for each version: owners would else seem to answer for the versions of others.
        where = layers.add(3, f"{me} {place}", _Box(place, name, "stage"))
        layers.link(2, me, where)
        for owner in version.owners:
            layers.add(4, owner, _Box(owner, "", "owner"))
            layers.link(3, where, owner)


def _places(version: ExposedVersion) -> Iterator[str]:
    if version.current_in:
        yield f"stands in {', '.join(version.current_in)}"
    yield from dict.fromkeys(f"runs in {one.environment}" for one in version.deployments)
    if not version.current_in and not version.deployments:
        yield f"was in {version.stage}" if version.stage else "in no stage"


def _shown(boxes: Sequence[dict[str, _Box]]) -> tuple[list[list[str]], list[int]]:
    shown, rest = [], []
    for layer in boxes:
        keys = list(layer)
        left_out = len(keys) - MOST if len(keys) > MOST + 1 else 0
        shown.append([*keys[:MOST], ""] if left_out else keys)
        rest.append(left_out)
    return shown, rest


def _edges(layers: _Layers, places: dict[tuple[int, str], tuple[float, float]]) -> Iterator[str]:
    for layer, one, other in layers.links:
        left = places.get((layer, one)) or places[layer, ""]
        right = places.get((layer + 1, other)) or places[layer + 1, ""]
        x1, y1 = left[0] + _BOX, left[1] + _HEIGHT / 2
        x2, y2 = right[0], right[1] + _HEIGHT / 2
        middle = (x1 + x2) / 2
        yield f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
