"""A first example for a message: plausible values by the name of a field, else by its type."""

from __future__ import annotations

import types
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import MinLen
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

M = TypeVar("M", bound=BaseModel)
_DIGEST = "sha256:" + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_WHEN = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
_BY_NAME: dict[str, Any] = {
    "project": "shop",
    "application": "web",
    "version": "1.4.0",
    "lifecycle": "default",
    "stage": "qa",
    "from_stage": "dev",
    "to_stage": "qa",
    "replaced": "1.3.9",
    "previous": "1.3.9",
    "superseded_by": "1.4.1",
    "members": [{"application": "web", "version": "1.4.0"}, {"application": "cart", "version": "2.1.0"}],
    "freeze": "end-of-year",
    "lasts": "12h",
    "rule": "no-critical",
    "webhook_id": "wh-1f0e9d8c7b6a5f4e3d2c1b0a",
    "receiver": "https://hooks.shop.example",
    "events": ["promotion.completed"],
    "time_zone": "Europe/Berlin",
    "previous_good": "1.3.8",
    "current": "1.4.0",
    "policy": "qa-entry",
    "trust_root": "build-pipeline",
    "purl": "pkg:pypi/web@1.4.0",
    "component": "pkg:pypi/jinja2@3.1.2",
    "components": ["pkg:pypi/jinja2@3.1.2"],
    "parts": [],
    "pipeline_identity": "web-main",
    "issuer": "https://token.actions.githubusercontent.com",
    "claims": {"repository_id": "74", "ref": "refs/heads/main"},
    "applications": ["web"],
    "run": "token.actions.githubusercontent.com/repository_id/74/run/4711",
    "identities": ["shop/web-main"],
    "misfits": ["shop/web-release: ref"],
    "roles": ["contributor"],
    "artifact": _DIGEST,
    "vulnerability": "CVE-2026-4711",
    "reason": "the fix is in the next version",
    "waiver_id": "wv-3c2b1a0f9e8d7c6b5a493827",
    "made_for": "qa",
    "epss": "0.42",
    "packages": ["pkg:pypi/web"],
    "package": "pkg:pypi/web",
    "commit": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    "repository": "https://git.example/shop/web",
    "command_id": "build-4711-promote",
    "promotion_id": "pr-5e1f0c9a7b3d2468ace0135f",
    "verdict_id": "vd-0f1e2d3c4b5a69788796a5b4",
    "import_id": "imp-7e6d5c4b3a29180f1e2d3c4b",
    "evidence_id": "ev-2b1a0f9e8d7c6b5a49382716",
    "token_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "verifier_key": "witness.example+71b3a9c4+BNgq0Jx8mQy1fV9lZ3n5pUe2sRk7tWc4oXbEhGdYaL0I",
    "requested_by": "ann",
    "by": "ann",
    "drafted_by": "ann",
    "contributors": ["ann"],
    "remove": [_DIGEST],
    "approver": "bob",
    "predicate_type": "https://cyclonedx.org/bom",
    "predicate_types": ["https://cyclonedx.org/bom"],
    "keys": ["-----BEGIN PUBLIC KEY-----\n...\n-----END PUBLIC KEY-----\n"],
    "role": "build",
    "owners": ["team-web@shop.example"],
    "labels": {"tier": "frontend"},
    "type": "dev.cdevents.artifact.published.0.3.0",
    "specversion": "0.5.1",
    "alert_id": "al-4f3e2d1c0b9a8f7e6d5c4b3a",
    "follows": "al-1a2b3c4d5e6f7a8b9c0d1e2f",
    "replaced_by": "al-0a1b2c3d4e5f6a7b8c9d0e1f",
    "assignee": "bob",
    "owner": "team-web@shop.example",
    "letter_id": "HALLMARK_TELL.17",
    "original_subject": "hallmark.in.cdevents",
    "original_id": "HALLMARK_IN.17",
    "document": {"apiVersion": "hallmark/v1", "kind": "Policy"},
    "advisories": [{"id": "GHSA-h75v-3vvj-5mfj", "modified": "2026-01-01T00:00:00Z"}],
    "positions": {_DIGEST: 3},
}


def example_of(model: type[M]) -> M:
    """An instance of `model` with a value in every field. Raises pydantic's `ValidationError` for odd models."""
    return model.model_validate(_fields(model))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    values = {}
    for name, field in model.model_fields.items():
        key = field.serialization_alias or field.alias or name
        values[key] = _named(name, field)
    return values


def _named(name: str, field: FieldInfo) -> Any:
    if name == "role" and "Role" in str(field.annotation):
        return "approver"
    if name == "by" and "Period" in str(field.annotation):
        return "week"
    if name in _BY_NAME and not _is_model(field.annotation):
        return None if field.annotation is type(None) else _BY_NAME[name]
    value = _value(name, field.annotation)
    fewest = next((one.min_length for one in field.metadata if isinstance(one, MinLen)), 1)
    return value * fewest if isinstance(value, list) and fewest > 1 else value


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _value(name: str, annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(name, arguments[0])
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return _value(name, next(one for one in arguments if one is not type(None)))
    if origin is tuple:
        return [_value(name, arguments[0])]
    if origin is dict:
        return {_value(name, arguments[0]): _value(name, arguments[1])}
    return _plain(name, annotation)


def _plain(name: str, annotation: Any) -> Any:
    if _is_model(annotation):
        return _fields(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return next(iter(annotation)).value
    simple: dict[Any, Any] = {
        bool: True,
        int: 1,
        float: 7.5,
        datetime: _WHEN,
        date: _WHEN.date(),
        AwareDatetime: _WHEN,
        type(None): None,
        Any: "value",
    }
    if annotation in simple:
        return simple[annotation]
    if annotation is str:
        return _DIGEST if _is_digest(name) else f"{name.replace('_', ' ')}"
    raise TypeError(f"no example for {name}: {annotation!r}")


def _is_digest(name: str) -> bool:
    words = ("digest", "digests", "subjects", "evidence_set", "fingerprint", "root", "hashes", "key_id", "key_ids")
    return name.endswith(words) or name in {"artifact", "artifacts", "nested"}
