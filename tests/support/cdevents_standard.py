"""The schemas of CDEvents, from the corpus: what we say is held against them."""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
_REFERENCE = CORPUS / "11-cdevents-cloudevents" / "reference"
_FOLDERS = {"0.5.1": "cdevents-v0.5.1", "0.6.0-draft": "cdevents-main-0.6.0-draft"}


SCHEMAS_ARE_HERE = _REFERENCE.exists()
with_schemas = pytest.mark.skipif(
    not SCHEMAS_ARE_HERE, reason="the schemas of CDEvents are not here: set HALLMARK_CORPUS"
)


def require_valid(event: dict[str, Any]) -> None:
    """Fail unless the CDEvent is what its schema asks for."""
    kind = event["context"]["type"].split(".")
    if kind[1] == "cdeventsx":
        path = _REFERENCE / _FOLDERS["0.6.0-draft"] / "custom" / "schema.json"
    else:
        folder = _FOLDERS[event["context"]["specversion"]]
        path = _REFERENCE / folder / "schemas" / f"{kind[2]}{kind[3]}.json"
    schema = json.loads(path.read_text())
    Draft202012Validator(schema, registry=_links(), format_checker=FormatChecker()).validate(event)


@lru_cache
def _links() -> Registry[Any]:
    found = [path for name in _FOLDERS.values() for path in (_REFERENCE / name / "schemas" / "links").glob("*.json")]
    schemas = [json.loads(path.read_text()) for path in found]
    return Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas)
