"""Abuse case 38: what may not be called, read or replaced is refused when the policy is published."""

import pytest
from regorus import Engine

from shared.errors import Invalid
from shared.rego import engine
from shared.rego.builtins import ALLOWED, REFUSED, is_reserved
from shared.rego.engine import check
from shared.rego.module import Checked

NO_PLACE_TO_HIDE = {
    "plain": 'allow if http.send({"method": "get", "url": "http://x"}).status_code == 200',
    "environment": "allow if opa.runtime().env.HOME",
    "clock": "allow if time.now_ns() > 0",
    "random": 'allow if rand.intn("x", 2) == 1',
    "unique": 'allow if uuid.rfc4122("x") != ""',
    "lookup": 'allow if net.lookup_ip_addr("localhost")',
    "tracing": 'allow if trace("x")',
    "printing": 'allow if print("x")',
    "parsing": 'allow if rego.parse_module("x", "package x")',
    "large": "allow if count(numbers.range(1, 1000000000)) > 1",
    "unknown": "allow if no.such_function(1)",
    "deprecated": "allow if any([true])",
    "in brackets": 'allow if http["send"]({})',
    "in raw brackets": "allow if http[`send`]({})",
    "over lines": "allow if http.send(\n{}\n)",
    "after a string": 'allow if concat("#", ["a", http.send({})]) # harmless',
    "as an argument": "allow if count([opa.runtime()]) == 1",
    "as an index": "allow if input[time.now_ns()]",
    "at the root of a reference": "allow if [opa.runtime()][0].env",
    "in a head": "allow := opa.runtime()",
    "in the head of another rule": "allow := true\nx contains opa.runtime()",
    "as a key": "allow := true\nx[time.now_ns()] := 1",
    "in an else": "allow := true if { input.x } else := http.send({})",
    "in a default": "default allow := false\nallow if x\ndefault x := [http.send({})]",
    "in a comprehension": "allow if { x := {k: v | some k in [1]; v := opa.runtime()}; x }",
    "in every": "allow if every x in [1] { http.send(x) }",
    "in not": "allow if not http.send({})",
    "in some": "allow if some x in http.send({})",
    "with its result": "allow if http.send({}, x)",
    "behind with": "allow if input.x with input as http.send({})",
    "a form that finds nothing": "allow if count([v | [p, v] := walk(input)]) == 0",
    "a form that finds nothing, unified": "allow if count([v | [p, v] = walk(input)]) == 0",
    "under another name": "allow if http.send(1)\nhttp.send(x) := true",
}


@pytest.mark.parametrize("body", NO_PLACE_TO_HIDE.values(), ids=NO_PLACE_TO_HIDE)
def test_a_builtin_that_is_not_allowed_is_refused_wherever_it_stands(body: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check(f"package gate\n\n{body}\n")
    assert refusal.value.code in {"rego_builtin_refused", "rego_malformed"}
    if "`" not in body:
        assert refusal.value.code == "rego_builtin_refused"
        assert refusal.value.remedy


@pytest.mark.parametrize(
    "body",
    [
        "allow if count(input.x) with count as http.send",
        "allow if count(input.x) with count as opa.runtime",
        "allow if f(1) with f as time.now_ns\nf(x) := x",
        "allow if data.gate.x with data.gate.x as true\nx := false",
        "allow if { every x in [1] { f(x) with f as http.send } }\nf(x) := x",
    ],
)
def test_with_replaces_the_input_only(body: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check(f"package gate\n{body}\n")
    assert refusal.value.code == "rego_with_refused"


def test_with_may_replace_parts_of_the_input() -> None:
    assert check('package gate\nallow if x with input.kind as "y"\nx if input.kind == "y"\n')


@pytest.mark.parametrize(
    "body",
    [
        '# http.send({})\nallow if input.x == "http.send({}) opa.runtime()"',
        "allow if input.http.send == `opa.runtime()`",
        'allow if { http := input; http["send"] == 1 }',
        "allow if { some trace in input.traces; trace.ok }",
        "allow if f(input)\nf(x) if count(x) > 1",
        "allow if data.gate.f(input)\nf(x) if count(x) > 1",
        "import input.release as release\nallow if release.good",
        "import rego.v1\nallow if input.x",
        "import future.keywords.every\nallow if input.x",
    ],
)
def test_words_that_call_nothing_are_no_calls(body: str) -> None:
    assert check(f"package gate\n{body}\n") == Checked("gate", ())


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "rego_malformed"),
        ("allow := true", "rego_malformed"),
        ("package gate\nallow { true }", "rego_malformed"),
        ("package gate\nallow if {", "rego_malformed"),
        ("package gate\nallow := true\npackage other\n", "rego_malformed"),
        ("package gate\nallow := \ud800", "rego_malformed"),
        ("package gate\nallow := y", "rego_malformed"),
        ("package gate\nallow if { x == y; some y in input }", "rego_malformed"),
        ("package gate\nallow if not allow", "rego_malformed"),
        ("package gate\nallow if { some x in [1]; count([x | some x in [1]]) == x }", "rego_malformed"),
        ('package gate["x y"]\nallow := true', "rego_package_refused"),
        ("package gate\nx := true", "rego_entry_missing"),
        ("package gate\nallow(x) := true", "rego_entry_missing"),
        ("package gate\nallow contains 1", "rego_entry_missing"),
        ("package gate\nallowed := true", "rego_entry_missing"),
        ("package gate\nallow.should_allow := true", "rego_entry_missing"),
        ("package gate\nallow[x] := true if some x in [1]", "rego_entry_missing"),
        ('package gate\n# allow := true\nx := "allow"', "rego_entry_missing"),
        ("package gate\nimport data.other\nallow := true", "rego_import_refused"),
        ("package gate\nimport data\nallow := true", "rego_import_refused"),
        ("package gate\nimport data.gate.x\nallow := true", "rego_import_refused"),
        ("package gate\nallow if data.other.x", "rego_data_refused"),
        ('package gate\nallow if data["other"].x', "rego_data_refused"),
        ("package gate\nallow if data[input.x]", "rego_data_refused"),
        ("package gate\nallow if not data.waived", "rego_data_refused"),
        ("package gate\nallow if { walk(data, x); x }", "rego_data_refused"),
        ("package gate.one\nallow if data.gate.two", "rego_data_refused"),
        ("package gate\nallow := true\ncount(x) := 1", "rego_builtin_refused"),
        ("package gate\nallow := true\n" + "#" * 65_536, "rego_too_large"),
    ],
)
def test_what_is_wrong_has_its_code(source: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check(source)
    assert refusal.value.code == code


def test_a_malformed_module_is_refused_with_its_line() -> None:
    with pytest.raises(Invalid, match=r"^Line 3: expecting expression\.$"):
        check("package gate\n\nallow := )\n")


def test_walk_is_taken_in_the_form_that_the_engine_computes() -> None:
    source = "package g\nallow if count([v | walk(input, [p, v]); v == 1]) == 1"
    assert engine.evaluate(source, '{"a":[{"b":1}]}').value is True


def test_message_rules_are_found() -> None:
    source = "package a.b\nallow := false\nviolation contains 1\ndeny contains 2\nviolations(x) := 3\n"
    assert check(source) == Checked("a.b", ("deny", "violation"))


def test_each_builtin_of_the_engine_is_allowed_or_refused_by_name() -> None:
    asked = Engine()
    asked.add_policy("p", "package p\nx := opa.runtime()")
    offered = {name for name in asked.eval_rule("data.p.x")["builtins"] if not name.startswith("__")} | {"print"}
    assert offered == ALLOWED | set(REFUSED)
    assert not ALLOWED & set(REFUSED)
    assert all(map(is_reserved, offered))
