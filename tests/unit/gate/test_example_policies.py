"""The documents under `examples/` are read as they are, and leave no gate without an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.policy.policy import read_policy

EXAMPLES = Path(__file__).parents[3] / "examples"
POLICIES = sorted(file for file in (EXAMPLES / "policies").glob("*.yaml") if not file.name.endswith(".test.yaml"))


def project_documents() -> dict[str, Any]:
    text = (EXAMPLES / "projects" / "hallmark.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_example_policy_is_read_and_named_like_its_file(path: Path) -> None:
    read = read_policy(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert read.name == path.stem


def test_every_gate_on_the_way_to_a_release_is_governed_or_open() -> None:
    documents = project_documents()
    stages = documents["Lifecycle"]["spec"]["stages"]
    ways = {(s["name"], gate) for s in stages for gate in ("entry", "exit")} - {(stages[-1]["name"], "exit")}
    ways.add((stages[-1]["name"], "release"))
    opened = {(s["name"], gate) for s in stages for gate in s.get("open", ())}
    policies = [read_policy(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in POLICIES]
    governed = {(g.stage, str(g.gate)) for p in policies for g in p.spec.gates}
    assert governed | opened == ways
    assert not governed & opened
    assert {p.metadata.project for p in policies} == {documents["Project"]["metadata"]["name"]}
    assert documents["Application"]["spec"]["lifecycle"] == documents["Lifecycle"]["metadata"]["name"]
