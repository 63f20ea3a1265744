"""Every handler that is told an application says so when it checks a right: else rights confined to it are refused."""

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from contracts.message import Message

SERVICES = ("registry", "evidence", "gate", "promotion", "monitoring")
CHECKS = {"require", "require_member"}


def checks_without_application(function: Callable[..., Any]) -> Iterator[str]:
    """The role checks of a handler that do not say for which application they are."""
    for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHECKS:
            said = ast.unparse(node)
            if "application" not in said:
                yield said


def handlers() -> list[tuple[type[Message], Callable[..., Any]]]:
    found = []
    for service in SERVICES:
        table = import_module(f"services.{service}.app").SERVICE.handlers
        for message, heard in table.heard.items():
            asked = [one for one in (heard.prepare, heard.handle, heard.spread and heard.spread.admit) if one]
            found += [(message, one) for one in asked if "application" in message.model_fields]
    return found


@pytest.mark.parametrize(("message", "handler"), handlers(), ids=lambda one: one.__name__)
def test_a_handler_that_is_told_the_application_checks_the_right_for_it(
    message: type[Message], handler: Callable[..., Any]
) -> None:
    assert list(checks_without_application(handler)) == [], message.subject


def test_the_check_finds_what_it_looks_for() -> None:
    def careless(command: Any, work: Any) -> None:
        work.unit.caller.require(command.project, "contributor")

    assert list(checks_without_application(careless)) == ["work.unit.caller.require(command.project, 'contributor')"]
    assert len(handlers()) > 15
