"""Gate policies in Rego as people write them, with inputs, and a second engine (`regopy`) that judges them too."""

from __future__ import annotations

from typing import Any

import regopy

from shared.rego.question import UNDEFINED, Answer, interpret

RELEASE = """package release

# A release needs tests, a recent scan without open critical findings, and two approvals by others than the author.
default allow := {"should_allow": false, "explanation": "see the messages"}

allow := {"should_allow": true, "explanation": "tests, scan and approvals are in order"} if count(violations) == 0

current(item) if {
	item.verified
	input.at - item.issued_at <= input.max_age
}

newest_scan := max([item.issued_at | some item in input.evidence; item.kind == "scan"])

violations contains {"code": "tests", "msg": "no passing tests"} if {
	not tests_passed
}

tests_passed if {
	some item in input.evidence
	item.kind == "tests"
	item.result == "passed"
	current(item)
}

violations contains {"code": "scan", "msg": sprintf("%s is open", [finding.id])} if {
	some item in input.evidence
	item.kind == "scan"
	item.issued_at == newest_scan
	some finding in item.findings
	finding.severity == "critical"
	not finding.id in input.waived
}

violations contains {"code": "approvals", "msg": sprintf("%d of 2 approvals", [count(approvers)])} if {
	count(approvers) < 2
}

approvers contains item.by if {
	some item in input.evidence
	item.kind == "approval"
	item.by != input.author
	current(item)
}
"""

HAND_MADE: dict[str, str] = {
    "release": RELEASE,
    "default": "package g\ndefault allow := false\nallow if input.good",
    "no default": "package g\nallow if input.good",
    "every": "package g\ndefault allow := false\nallow if { count(input.l) > 0; every x in input.l { x.ok == true } }",
    "not some": "package g\ndefault allow := false\nallow if not bad\nbad if { some x in input.l; x.n > 3 }",
    "else": "package g\nallow := true if { input.good } else := false if { input.bad } else := 7",
    "object": 'package g\nallow := {"should_allow": count(deny) == 0, "explanation": sort([m | some m in deny])}\n'
    'deny contains sprintf("%s is bad", [x.id]) if { some x in input.l; x.n > 3 }',
    "sets": "package g\ndefault allow := false\nallow if {x.id | some x in input.l} & {y | some y in input.must} =="
    " {y | some y in input.must}",
    "strings": 'package g\ndefault allow := false\nallow if { startswith(input.ref, "v"); contains(input.ref, ".") }',
    "regex": "package g\ndefault allow := false\nallow if regex.match(`^v[0-9]+[.][0-9]+$`, input.ref)",
    "numbers": "package g\ndefault allow := false\nallow if sum([x.n | some x in input.l]) / count(input.l) < 3",
    "function": "package g\ndefault allow := false\nallow if f(input.l) == 2\nf(l) := count([x | some x in l; x.ok])",
    "object.get": 'package g\nallow := object.get(input, ["policy", "open"], false)',
    "string true": 'package g\nallow := "true" if input.good',
}

INPUTS: tuple[dict[str, Any], ...] = (
    {},
    {
        "good": True,
        "ref": "v1.2",
        "l": [{"id": "a", "n": 1, "ok": True}, {"id": "b", "n": 2, "ok": True}],
        "must": ["a"],
    },
    {
        "good": False,
        "bad": True,
        "ref": "w1",
        "l": [{"id": "a", "n": 5, "ok": True}, {"id": "b", "n": 4, "ok": False}],
        "must": ["c"],
    },
    {"good": 1, "ref": "v1.2", "l": [{"id": "c", "n": 3}], "must": [], "policy": {"open": True}},
    {"good": "true", "ref": "", "l": [], "must": ["a"], "policy": {"open": "yes"}},
    {"good": None, "l": {"x": {"id": "a", "ok": True, "n": 9}}, "must": ["a"], "ref": "v10.20"},
)


def release_input(pieces: int, *, critical: bool = False, approvers: int = 3) -> dict[str, Any]:
    """An input of `RELEASE` with about `pieces` pieces of evidence."""
    evidence: list[dict[str, Any]] = [
        {"kind": "tests", "verified": True, "issued_at": 900, "result": "passed"},
        *({"kind": "approval", "verified": True, "issued_at": 950, "by": f"p{n}"} for n in range(approvers)),
    ]
    findings = [{"id": f"CVE-{n}", "severity": "low"} for n in range(3)]
    evidence.extend(
        {"kind": "scan", "verified": True, "issued_at": 100 + n % 800, "findings": findings}
        for n in range(max(1, pieces - len(evidence)))
    )
    if critical:
        worst = {"id": "CVE-9", "severity": "critical"}
        evidence.append({"kind": "scan", "verified": True, "issued_at": 999, "findings": [*findings, worst]})
    return {"author": "p0", "at": 1000, "max_age": 500, "waived": ["CVE-1"], "evidence": evidence}


def second_opinion(source: str, document: Any, package: str) -> Answer | str:
    """What `regopy` answers, or "failed"; messages are left out."""
    second = regopy.Interpreter()
    second.strict_built_in_errors = True
    second.add_module("policy.rego", source)
    second.set_input(document)
    output = second.query(f"x = data.{package}.allow")
    if not output.ok():
        return "failed"
    if str(output) == "undefined":
        return interpret(UNDEFINED)
    return interpret(output.results[0].bindings["x"])
