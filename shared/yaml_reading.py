"""YAML as people write documents in it: dates stay text, and nothing is said twice.

- YAML makes a date of `2027-01-31` without quotes; whoever reads the document decides what a moment is, not the syntax.
- YAML keeps the last of two equal keys without a word: the second `max` of a rule would quietly replace the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from shared.errors import Invalid

YAML_SUFFIXES = frozenset({".yaml", ".yml"})
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """The safe loader, without dates and repeated keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and form are PyYAML's
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping as it is written, before anything is merged into it. Raises `ConstructorError`."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"`{key.value}` is given more than once", key.start_mark
                    )
                seen.add(key.value)
        return node


def read_yaml(text: str, origin: str) -> list[Any]:
    """Every document of a YAML text. Raises `Invalid` (`document_unreadable`) with the line."""
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise Invalid("document_unreadable", f"{origin} is not YAML: {error}", remedy="Mend the file.") from error


def one_node(text: str) -> yaml.Node | None:
    """The first document of a YAML text as it is written, with the places of its parts. Raises `yaml.YAMLError`."""
    loader = _Loader(text)
    try:
        return loader.get_node() if loader.check_node() else None
    finally:
        loader.dispose()


def read_yaml_file(file: Path) -> list[Any]:
    """As `read_yaml`, of a file in UTF-8."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("document_unreadable", f"{file} is not UTF-8: {error}.", remedy="Mend the file.") from error
    return read_yaml(text, str(file))


def yaml_files(path: Path) -> list[Path]:
    """The YAML files at `path`: itself, or all below it, by name."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in YAML_SUFFIXES)
