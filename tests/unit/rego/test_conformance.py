"""OPA's conformance cases and the templates of other systems; docs/rego-conformance.md has the figures."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.errors import Invalid
from shared.rego.engine import check, evaluate
from shared.rego.question import Granted, Refused, interpret
from tests.support.counts import say
from tests.support.rego_cases import cases, passes

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
GIVE = CORPUS / "14-rego" / "give"
EXCEPTIONS: dict[str, list[str]] = json.loads(Path(__file__).with_name("conformance_exceptions.json").read_bytes())
"""Cases that the engine does not do as OPA does, by reason; the same groups as in docs/rego-conformance.md."""
pytestmark = pytest.mark.skipif(not GIVE.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")

ENTRY = '\nallow := {{"should_allow": count({0}) == 0, "explanation": {0}}}\n'
"""What turns a Chainloop policy into a gate: it lists violations and leaves the verdict to its caller."""


@pytest.mark.thorough
def test_opas_cases_pass_but_for_the_listed_ones() -> None:
    counted: Counter[str] = Counter()
    different = set()
    for case in cases(GIVE / "opa-conformance"):
        if case.uses_refused_builtins:
            counted["with builtins that policies may not call"] += 1
        elif (instead := passes(case)) is None:
            counted["passed"] += 1
        else:
            counted["listed as different"] += 1
            different.add(case.name)
            # Where the engine differs it says so, but for the one case that no policy may use.
            assert instead.startswith("error: ") or case.name in EXCEPTIONS["walk with one argument"]
    assert different == {name for names in EXCEPTIONS.values() for name in names}
    say("Rego: conformance cases of OPA", dict(counted))


def test_the_templates_of_others_are_read() -> None:
    counted: Counter[str] = Counter()
    for _, source in _templates():
        with pytest.raises(Invalid) as refusal:
            check(source)
        counted[f"as they are: {refusal.value.code}"] += 1
        try:
            check(_gate(source))
        except Invalid as error:
            counted[f"with an entry: {error.code}"] += 1
        else:
            evaluate(_gate(source), "{}")
            counted["with an entry: accepted"] += 1
    say("Rego: Chainloop templates", dict(sorted(counted.items())))


def test_a_template_says_what_its_own_tests_expect() -> None:
    """Of the policies in the corpus, one has expected outcomes and its inputs; its clock becomes part of the input."""
    folder = GIVE / "chainloop" / "docs" / "examples" / "policies" / "sbom-freshness"
    source = dict(_templates())["docs/examples/policies/sbom-freshness/policy.yaml"]
    source = source.replace("time.now_ns()", "input.now")
    fresh = json.loads((folder / "testdata" / "sbom-fresh.json").read_bytes())["metadata"]["timestamp"]
    now = datetime.fromisoformat(fresh).astimezone(UTC) + timedelta(days=20)
    compared = 0
    for case in json.loads((GIVE / "chainloop" / "expected-example-policies.json").read_bytes()):
        if "sbom-freshness" in case["policy"]:
            result = evaluate(_gate(source), json.dumps(_chainloop_input(folder, case["args"], now)))
            expected = Granted if case["expected"] == "pass" else Refused
            assert isinstance(interpret(result.value, result.messages), expected), case["name"]
            compared += 1
    assert compared == 8
    say("Rego: outcomes of a Chainloop policy's own tests agree", compared)


def _gate(source: str) -> str:
    return source + ENTRY.format("result.violations" if "\nresult " in source else "violations")


def _templates() -> Iterator[tuple[str, str]]:
    root = GIVE / "chainloop"
    for path in sorted(root.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            for number, policy in enumerate(((document or {}).get("spec") or {}).get("policies") or ()):
                if isinstance(policy, dict) and "embedded" in policy:
                    yield path.relative_to(root).as_posix() + (f"#{number}" if number else ""), policy["embedded"]


def _chainloop_input(folder: Path, arguments: str, now: datetime) -> dict[str, Any]:
    words = arguments.split()
    kind = words[words.index("--kind") + 1]
    document: dict[str, Any] = json.loads((folder / words[words.index("--material") + 1]).read_bytes())
    given = [words[place + 1] for place, word in enumerate(words) if word == "--input"]
    return {
        **document,
        "args": dict(one.split("=", 1) for one in given),
        "chainloop_metadata": {"annotations": {"chainloop.material.type": kind}},
        "now": int(now.timestamp()) * 10**9,
    }
