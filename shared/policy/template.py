"""A template: a Rego module that several policies share, each with parameters of its own.

- A policy names the template and gives parameters; when the policy is applied, the module is written into it. So a
  policy's digest covers the module, and a template that changes later changes no policy that is in force.
- Parameters must satisfy the template's schema, when it has one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import jsonschema_rs
from pydantic import Field, StringConstraints, ValidationError

from contracts.vocabulary import Digest, Document, PolicyName, ProjectName
from shared.digests import JsonValue, canonical_digest
from shared.errors import Invalid, NotFound
from shared.policy.policy_errors import refusal
from shared.rego.question import MAX_SOURCE


class TemplateMetadata(Document):
    """Which template it is."""

    project: ProjectName
    name: PolicyName
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class TemplateSpec(Document):
    """The module, and what it can be told."""

    rego: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SOURCE)]
    parameters: Mapping[str, Any] = Field(default_factory=dict)
    """A JSON Schema (2020-12) of the parameters; empty allows any."""


class RuleTemplate(Document):
    """One version of one template."""

    api_version: Literal["hallmark/v1"] = Field(alias="apiVersion")
    kind: Literal["RuleTemplate"]
    metadata: TemplateMetadata
    spec: TemplateSpec

    @property
    def digest(self) -> Digest:
        """The digest of the normal form."""
        return canonical_digest(self.normal_form())

    def normal_form(self) -> dict[str, JsonValue]:
        """The document with defaults written out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def read_template(document: object) -> RuleTemplate:
    """The template that a parsed document says. Raises `Invalid` as policies do, and `template_schema_malformed`."""
    try:
        template = RuleTemplate.model_validate(document)
        template.normal_form()
        canonical_digest(template.normal_form())
    except ValidationError as error:
        raise refusal(error, RuleTemplate) from error
    except ValueError as error:
        raise _schema_wrong(str(error)) from error
    _validator(template)
    return template


def templates_named(document: Mapping[str, Any]) -> set[str]:
    """The templates that a policy document names and does not bring along."""
    return {str(rule["template"]) for rule in _unresolved(document)}


def resolved(document: Mapping[str, Any], templates: Mapping[str, RuleTemplate]) -> dict[str, Any]:
    """The policy document with the modules of its templates written in.

    Raises `NotFound` (`template_unknown`), or `Invalid` (`template_parameters_wrong`) with the place.
    """
    whole: dict[str, Any] = copy.deepcopy(dict(document))
    for rule in _unresolved(whole):
        template = templates.get(str(rule["template"]))
        if template is None:
            raise NotFound(
                "template_unknown",
                f"There is no template {rule['template']}.",
                remedy="Apply the template first, or write the module under `rego`.",
            )
        _check_parameters(rule, template)
        rule["rego"] = template.spec.rego
    return whole


def _unresolved(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    spec = document.get("spec")
    yield from _in_rules(spec.get("rules") if isinstance(spec, dict) else None)


def _in_rules(rules: object) -> Iterator[dict[str, Any]]:
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict):
            if rule.get("kind") == "rego" and rule.get("template") and rule.get("rego") is None:
                yield rule
            yield from _in_rules(rule.get("rules"))


def _check_parameters(rule: Mapping[str, Any], template: RuleTemplate) -> None:
    error = next(iter(_validator(template).iter_errors(rule.get("parameters") or {})), None)
    if error is not None:
        place = "".join(f".{part}" for part in error.instance_path)
        raise Invalid(
            "template_parameters_wrong",
            f"The parameters of rule {rule.get('id')} do not suit {template.metadata.name} at parameters{place}: "
            f"{error.message}.",
            remedy="Correct the parameter, or look at the template's schema.",
        )


def _validator(template: RuleTemplate) -> jsonschema_rs.Draft202012Validator:
    try:
        return jsonschema_rs.Draft202012Validator(dict(template.spec.parameters))
    except (ValueError, jsonschema_rs.ValidationError) as error:
        raise _schema_wrong(str(error)) from error


def _schema_wrong(problem: str) -> Invalid:
    return Invalid(
        "template_schema_malformed",
        f"The template's parameters are no usable JSON Schema: {problem[:300]}.",
        remedy="Write a JSON Schema (2020-12) without fractions and without remote references.",
    )
