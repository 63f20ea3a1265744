"""What docs/pipelines-events.md shows is read."""

import json
import re
from pathlib import Path

import yaml

from contracts.registry.v1.intake import EventReceipt, PipelineEvent
from contracts.registry.v1.intake_rule import IntakeRule, VersionsFrom
from services.registry.domain.intake_rule import Rule, version_made_by
from services.registry.domain.meanings import ArtifactBuilt, ServiceChanged
from services.registry.domain.pipeline_event import meaning_of

PAGE = (Path(__file__).parents[3] / "docs" / "pipelines-events.md").read_text()
SNIPPETS = re.findall(r"```(json|yaml)\n(.*?)```", PAGE, re.DOTALL)


def test_the_events_and_the_rule_of_the_page_make_the_version_that_it_names() -> None:
    shown = [json.loads(text) for kind, text in SNIPPETS if kind == "json"]
    receipt, *events = [EventReceipt.model_validate(one) if "outcome" in one else one for one in shown]
    read = [PipelineEvent.model_validate(one) for one in events]
    built, changed = (meaning_of(one.context.type, one.about.id, one.about.content, one.custom_data) for one in read)
    assert isinstance(built, ArtifactBuilt)
    assert isinstance(changed, ServiceChanged)
    assert built.artifact.digest == changed.digest
    [document] = [yaml.safe_load(text) for kind, text in SNIPPETS if kind == "yaml"]
    intake = IntakeRule.model_validate(document["spec"]["intake"])
    rule = Rule(**intake.model_dump())
    assert rule.binds(built)
    assert version_made_by(rule, built) == receipt.version


def test_every_choice_of_a_rule_is_on_the_page() -> None:
    for choice in VersionsFrom:
        assert f"| `{choice}`" in PAGE
