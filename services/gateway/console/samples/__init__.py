"""Documents that the guide offers, and the sample project: read from the YAML beside this file, never changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from contracts.vocabulary import ProjectName, StageName

PROJECT = "sample"
_HERE = Path(__file__).parent


def first_policy_text(project: ProjectName, stage: StageName) -> str:
    """The policy that the guide offers, for the entry of a stage, as YAML."""
    text = (_HERE / "first-policy.yaml").read_text()
    return text.replace("PROJECT", project).replace("STAGE", stage)


def first_policy(project: ProjectName, stage: StageName) -> dict[str, Any]:
    """As `first_policy_text`, as a document."""
    document: dict[str, Any] = yaml.safe_load(first_policy_text(project, stage))
    return document


def sample_policies() -> list[dict[str, Any]]:
    """What versions of the sample project must show."""
    return list(yaml.safe_load_all((_HERE / "policies.yaml").read_text()))


def sample_shop() -> dict[str, Any]:
    """The sample project's lifecycle, its applications with their versions, and the advisory."""
    found: dict[str, Any] = yaml.safe_load((_HERE / "applications.yaml").read_text())
    return found
