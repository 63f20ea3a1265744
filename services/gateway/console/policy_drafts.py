"""Drafts of policies as somebody typed them: read from YAML, and where in it something is wrong.

- A draft is one document. It may name a part twice, as YAML can, but what it expands to is bounded: a short text can
  stand for more than any memory holds.
- What a service says is wrong names a path in the document; the line of that path is looked up in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from shared.errors import HallmarkError, Invalid
from shared.yaml_reading import one_node, read_yaml

MAX_TEXT = 150_000
"""Characters."""
_MAX_VALUES = 20_000
_MAX_DEPTH = 60
_PATH = re.compile(r"\bat ((?:[\w-]+|\[\d+\])(?:\.[\w-]+|\[\d+\])*)")
_LINE = re.compile(r"\bline (\d+), column")
_STEP = re.compile(r"\[(\d+)\]|([\w-]+)")
_AROUND = 2


@dataclass(frozen=True)
class Problem:
    """Why a draft was not taken."""

    code: str
    sentence: str
    remedy: str
    line: int | None
    """Where in the text, from 1; None when it is about the whole."""
    excerpt: tuple[tuple[int, str], ...]
    """The lines around, by number."""


def read_draft(text: str) -> dict[str, Any]:
    """The document that a text says. Raises `Invalid`, with the line where it can be told."""
    if len(text) > MAX_TEXT:
        raise Invalid(
            "draft_too_long", f"The draft has {len(text):,} characters, above {MAX_TEXT:,}.", remedy="Split it."
        )
    try:
        documents = [one for one in read_yaml(text, "The draft") if one is not None]
        values = _Values()
        for one in documents:
            values.count(one)
    except RecursionError as error:
        raise _too_deep() from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Invalid(
            "draft_not_one_policy",
            f"The draft holds {len(documents)} documents, where one with `kind: Policy` is meant.",
            remedy="Write exactly one policy, beginning with `apiVersion: hallmark/v1`.",
        )
    return documents[0]


class _Values:
    """Counts what a document expands to, each shared part once for every place where it stands."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def count(self, value: Any, depth: int = 0) -> int:
        """How many values it stands for. Raises `Invalid` for too many, and for what JSON cannot say."""
        if not isinstance(value, dict | list):
            if value is None or isinstance(value, str | int | float | bool):
                return 1
            raise Invalid(
                "draft_value_unknown", f"The draft holds a {type(value).__name__}.", remedy="Write text, or a number."
            )
        if id(value) in self._open or depth > _MAX_DEPTH:
            raise _too_deep()
        if id(value) not in self._sizes:
            self._open.add(id(value))
            if isinstance(value, dict) and any(not isinstance(key, str) for key in value):
                raise Invalid(
                    "draft_key_unknown", "The draft has a field whose name is no text.", remedy="Put it into quotes."
                )
            inside = value.values() if isinstance(value, dict) else value
            self._sizes[id(value)] = 1 + sum(self.count(one, depth + 1) for one in inside)
            self._open.discard(id(value))
        if self._sizes[id(value)] > _MAX_VALUES:
            raise Invalid(
                "draft_too_large",
                f"The draft stands for more than {_MAX_VALUES:,} values.",
                remedy="Write what is repeated by `*` out, or split the policy.",
            )
        return self._sizes[id(value)]


def name_of(document: Mapping[str, Any]) -> str:
    """The name that a draft gives itself; empty when it gives none."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def problem_of(error: HallmarkError, text: str) -> Problem:
    """What is wrong with a draft, at its line."""
    found, path = _LINE.search(error.message), _PATH.search(error.message)
    line = None
    if found and error.code == "document_unreadable":
        line = int(found[1])
    elif path:
        line = line_of(text, path[1])
    return Problem(error.code, " ".join(error.message.split()), error.remedy, line, _excerpt(text, line))


def line_of(text: str, path: str) -> int | None:
    """The line, from 1, of what stands at a path such as `spec.rules[0].max`, or of the nearest thing around it."""
    try:
        node = one_node(text)
    except (yaml.YAMLError, RecursionError):
        return None
    line = None
    for index, name in _STEP.findall(path):
        step = _inside(node, index, name)
        if step is None:
            break
        line, node = step
    return line


def _inside(node: yaml.Node | None, index: str, name: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
        item: yaml.Node = node.value[int(index)]
        return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode) and name:
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line + 1, value
    return None


def _excerpt(text: str, line: int | None) -> tuple[tuple[int, str], ...]:
    if line is None:
        return ()
    lines = text.splitlines()
    first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
    return tuple((number, lines[number - 1]) for number in range(first, last + 1))


def _too_deep() -> Invalid:
    return Invalid("draft_too_deep", "The draft is nested too deeply, or in itself.", remedy="Write it plainly.")
