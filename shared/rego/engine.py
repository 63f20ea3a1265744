"""The Rego engine: regorus, in the wheel `celine-regorus`. Used inside of the worker only: a policy can crash it.

- A module is evaluated only after `check` let it pass, whoever sent it.
- Whatever the engine complains about is `Invalid` when it reads, `EvaluationFailed` when it computes.
- Builtin errors are errors, not undefined: `not f(x)` must not come true because `f` broke.
- Sets come out as sorted lists, so equal questions have equal results, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from typing import Final

from regorus import Engine

from shared.errors import Invalid
from shared.rego.module import ENTRY, Checked, judge
from shared.rego.question import MAX_INPUT, MAX_SOURCE, UNDEFINED, Result

MAX_OUTPUT: Final = 64 * 1024
"""Bytes of what a policy may answer."""
MAX_COMPILED: Final = 64
"""Modules that are kept ready."""
_COMPLAINTS = (RuntimeError, ValueError, TypeError)
_NEVER = re.compile(r"used before definition|is unsafe|recursion detected|multiple outputs")
"""Complaints that do not depend on the input; the engine makes them on the first evaluation only."""
_UNDEFINED_TEXT = '"<undefined>"'
_PLACE = re.compile(r"^(?:--> )?policy\.rego:(\d+):\d+\b", re.MULTILINE)
_REASON = re.compile(r"\berror: (.+)$", re.MULTILINE)


class EvaluationFailed(Exception):
    """The policy could not be evaluated on this input; `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


_compiled: OrderedDict[str, tuple[Checked, Engine]] = OrderedDict()


def check(source: str) -> Checked:
    """What is known of the module `source`. Raises `Invalid` when it may not be published."""
    checked, engine = _compile(source)
    try:
        engine.set_input_json("{}")
        engine.eval_rule_as_json(f"data.{checked.package}.{ENTRY}")
    except _COMPLAINTS as error:
        if _NEVER.search(str(error)):
            raise Invalid("rego_malformed", _said(error), remedy="Give every variable its value first.") from None
    return checked


def evaluate(source: str, input_json: str) -> Result:
    """What the module `source` computes for `input_json`. Raises `Invalid` as `check` does, and `EvaluationFailed`."""
    if len(input_json.encode("utf-8", "surrogatepass")) > MAX_INPUT:
        raise EvaluationFailed("rego_input_too_large", f"The input has more than {MAX_INPUT} bytes.")
    # Taken out while it runs: one whose evaluation fails is not kept, since its engine's state is not known.
    checked, engine = _compiled.pop(source) if source in _compiled else _compile(source)
    try:
        engine.set_input_json(input_json)
        value = _value(engine, checked, ENTRY)
        messages = [_value(engine, checked, name) for name in checked.messages]
    except EvaluationFailed:
        raise
    except _COMPLAINTS as error:
        raise EvaluationFailed("rego_failed", _said(error)) from None
    _keep(source, checked, engine)
    listed = [one for said in messages if said is not UNDEFINED for one in (said if isinstance(said, list) else [said])]
    return Result(value, tuple(listed))


def _compile(source: str) -> tuple[Checked, Engine]:
    if len(source.encode("utf-8", "surrogatepass")) > MAX_SOURCE:
        raise Invalid("rego_too_large", f"The module has more than {MAX_SOURCE} bytes.", remedy="Split the policy.")
    engine = Engine()
    try:
        engine.add_policy("policy.rego", source)
        tree = json.loads(engine.get_ast_as_json())[0]["ast"]
    except RecursionError:
        raise Invalid("rego_malformed", "The module is nested too deeply.", remedy="Use more rules.") from None
    except _COMPLAINTS as error:
        remedy = "Correct the module; it is read as Rego v1 (`if` and `contains` are required)."
        raise Invalid("rego_malformed", _said(error), remedy=remedy) from None
    return judge(tree), engine


def _keep(source: str, checked: Checked, engine: Engine) -> None:
    """Keep a module ready, and let go of the one that was longest without a question."""
    _compiled[source] = checked, engine
    if len(_compiled) > MAX_COMPILED:
        _compiled.popitem(last=False)


def _value(engine: Engine, checked: Checked, rule: str) -> object:
    text = engine.eval_rule_as_json(f"data.{checked.package}.{rule}")
    if text == _UNDEFINED_TEXT:
        return UNDEFINED
    if len(text.encode()) > MAX_OUTPUT:
        raise EvaluationFailed("rego_output_too_large", f"`{rule}` has a value of more than {MAX_OUTPUT} bytes.")
    value: object = json.loads(text)
    return value


def _said(error: Exception) -> str:
    """The engine's complaint in one line, with the line of the module it is about."""
    text = str(error).split("\n\nStack backtrace")[0]
    place, reason = _PLACE.search(text), _REASON.search(text)
    said = (reason[1] if reason else text.strip().splitlines()[0] if text.strip() else type(error).__name__)[:300]
    return f"Line {place[1]}: {said}." if place else f"{said}."
