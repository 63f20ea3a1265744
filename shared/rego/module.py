"""Whether a parsed Rego module may be published.

- It has one package, named by plain words, and defines `allow` as a value.
- It calls nothing but its own functions and the builtins of the allow-list, wherever the call stands.
- It writes `walk(x, [path, value])`: for `[path, value] := walk(x)` the engine silently finds nothing.
- It imports nothing but language keywords and parts of the input, and reads no `data` but its own package:
  a policy is judged alone.
- `with` replaces nothing but the input, so that no function can be exchanged for another.

The tree is that of the engine's own parser, so text in strings or comments, aliases and white space hide nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.errors import Invalid
from shared.rego.builtins import ALLOWED, REFUSED, is_reserved

ENTRY = "allow"
MESSAGES = ("deny", "violation", "violations")
_WALK_ARGUMENTS = 2
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """A module that may be published."""

    package: str
    """Its dotted path, without `data`."""
    messages: tuple[str, ...]
    """Which of its rules hold messages, sorted."""


def judge(tree: _Node) -> Checked:
    """What is known of the module `tree`. Raises `Invalid` with the code of the first rule that it breaks."""
    package = _package(tree)
    _check_imports(tree["imports"])
    heads = list(_heads(tree["rules"]))
    functions = {name for kind, name in heads if kind == "Func"}
    _check_functions(functions)
    callable_names = functions | {f"data.{package}.{name}" for name in functions}
    for node in _nodes(tree["rules"]):
        _check_call(node, callable_names)
        _check_data(node, package)
        _check_with(node)
    if ("Value", ENTRY) not in heads:
        raise Invalid(
            "rego_entry_missing",
            f"No rule gives `{ENTRY}` a value.",
            remedy="Define `allow`, for a start `default allow := false`.",
        )
    return Checked(package, tuple(sorted({name for kind, name in heads if kind != "Func"} & set(MESSAGES))))


def _package(tree: _Node) -> str:
    path = _path(tree["package"]["refr"])
    if path is None or not all(_WORD.fullmatch(word) for word in path):
        raise Invalid(
            "rego_package_refused",
            "The package's name is not of plain words.",
            remedy="Name it like `package team.release`.",
        )
    return ".".join(path)


def _check_imports(imports: list[_Node]) -> None:
    for one in imports:
        path = _path(one["refr"]) or ("?",)
        if path != ("rego", "v1") and path[:2] != ("future", "keywords") and path[0] != "input":
            raise Invalid(
                "rego_import_refused",
                f"Line {_line(one)} imports `{'.'.join(path)}`: a policy is judged alone.",
                remedy="Put what it needs into the module itself.",
            )


def _heads(rules: list[_Node]) -> Iterator[tuple[str, str]]:
    """Kind (`Func`, `Set` or `Value`) and dotted name of each rule."""
    for rule in rules:
        if "Default" in rule:
            head, kind = rule["Default"], "Func" if rule["Default"].get("args") else "Value"
        else:
            (word, head), *_ = rule["Spec"]["head"].items()
            kind = word if word in {"Func", "Set"} else "Value"
        yield kind, ".".join(_path(head["refr"]) or ())


def _check_functions(functions: set[str]) -> None:
    for name in sorted(functions):
        if is_reserved(name):
            raise Invalid(
                "rego_builtin_refused",
                f"The module defines `{name}`, which is the name of a builtin.",
                remedy="Give the function another name.",
            )


def _check_call(node: _Node, callable_names: set[str]) -> None:
    if "Call" not in node:
        return
    name = ".".join(_path(node["Call"]["fcn"]) or ("?",))
    if name == "walk" and len(node["Call"]["params"]) != _WALK_ARGUMENTS:
        raise Invalid(
            "rego_builtin_refused",
            f"Line {_line(node['Call'])} calls `walk` with one argument, for which the engine finds nothing.",
            remedy="Write `walk(x, [path, value])`.",
        )
    if name in ALLOWED or name in callable_names:
        return
    why = REFUSED.get(name, "it is not among those that a policy may call")
    raise Invalid(
        "rego_builtin_refused",
        f"Line {_line(node['Call'])} calls `{name}`: {why}.",
        remedy="Compute the answer from the input, with the functions that docs/architecture/rego.md lists.",
    )


def _check_data(node: _Node, package: str) -> None:
    own = ("data", *package.split("."))
    path = _path(node, whole=False) or ()
    if path[:1] == ("data",) and path[: len(own)] != own:
        raise Invalid(
            "rego_data_refused",
            f"Line {_line(_inner(node))} reads `{'.'.join(path)}`: there is no data but the policy's own rules.",
            remedy="Read the input instead.",
        )


def _check_with(node: _Node) -> None:
    for one in node.get("with_mods") or ():
        path = _path(one["refr"], whole=False) or ("?",)
        if path[0] != "input":
            raise Invalid(
                "rego_with_refused",
                f"Line {_line(_inner(one['refr']))} replaces `{'.'.join(path)}`: `with` may replace the input only.",
                remedy="Keep `with` on functions and data for the policy's tests.",
            )


def _nodes(tree: object) -> Iterator[_Node]:
    """Every object of the tree, a reference once as a whole, in the order of the text."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(reversed(_indices(node) if _is_reference(node) else list(node.values())))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


def _is_reference(node: _Node) -> bool:
    return "RefDot" in node or "RefBrack" in node


def _indices(node: _Node) -> list[Any]:
    """What stands inside of a reference: its indices, and the expression at its root unless that is a name."""
    found: list[Any] = []
    while _is_reference(node):
        step = node.get("RefDot") or node["RefBrack"]
        if "index" in step:
            found.append(step["index"])
        node = step["refr"]
    return [*found, *([] if "Var" in node else [node])]


def _path(node: _Node, *, whole: bool = True) -> tuple[str, ...] | None:
    """The words of a reference up to the first computed one; None when there is such and it must be `whole`."""
    steps: list[_Node] = []
    while _is_reference(node):
        steps.append(node.get("RefDot") or node["RefBrack"])
        node = steps[-1]["refr"]
    if "Var" not in node:
        return None
    words = [str(node["Var"]["value"])]
    for step in reversed(steps):
        word = step["field"][1] if "field" in step else _text(step["index"])
        if word is None:
            return None if whole else tuple(words)
        words.append(word)
    return tuple(words)


def _text(index: _Node) -> str | None:
    for kind in ("String", "RawString"):
        if kind in index:
            return str(index[kind]["value"])
    return None


def _inner(node: _Node) -> _Node:
    inner: _Node = next(iter(node.values()))
    return inner


def _line(node: _Node) -> int:
    return int(node["span"]["line"])
