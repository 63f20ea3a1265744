"""`required_evidence` in what it asks of signers, stages and free predicates."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import ValidationError

from contracts.circumstances import Circumstances, ContainedVersion, WaivedSubject
from contracts.facts import EvidenceItem, OtherFacts, UnreadableFacts
from contracts.vocabulary import Outcome
from shared.errors import Invalid
from shared.policy.policy import read_policy
from shared.policy.rules import RuleAnswer, check
from shared.policy.rules.predicate_schema import compiled
from tests.unit.gate.gate_builders import (
    IMAGE,
    NOW,
    VERSION,
    WHEEL,
    context_for,
    document,
    dossier,
    granted_waiver,
    item,
    judge,
    policy,
    rule,
    rule_of,
    sbom,
    signer,
)

PAGE = (Path(__file__).parents[3] / "docs" / "rules" / "required_evidence.md").read_text(encoding="utf-8")
LOAD_TYPE = "https://acme.example/load-test/v1"
SCHEMA = {"required": ["stage"], "properties": {"requests_per_second": {"type": "integer", "minimum": 500}}}
LOAD = rule("required_evidence", predicate_type=LOAD_TYPE, schema=SCHEMA)
WORKFLOW, ISSUER = "https://github.com/acme/shop/build.yml@refs/heads/main", "https://issuer.example"


def load(name: str = "load-1", *, text: str | None = None, **changes: Any) -> EvidenceItem:
    said = json.dumps({"stage": "prod", "requests_per_second": 900}) if text is None else text
    return item(name, OtherFacts(text=said), predicate_type=LOAD_TYPE, **changes)


def answer(written: dict[str, Any], *items: EvidenceItem, **changes: Any) -> RuleAnswer:
    held = dossier(*items, **changes)
    return check(rule_of(written), held, context_for(held))


def plain(text: str) -> str:
    return " ".join(text.replace("> ", "").replace("*", "").split())


def test_a_predicate_that_satisfies_the_schema_allows_and_one_that_does_not_denies_as_the_page_says() -> None:
    assert answer(LOAD, load()).outcome is Outcome.ALLOW
    slow = load(text='{"stage":"prod","requests_per_second":100}')
    given = answer(LOAD | {"made_for": "this", "max_age": "14d"}, slow.model_copy(update={"made_for": "prod"}))
    assert (given.outcome, given.evidence) == (Outcome.DENY, ("load-1",))
    assert given.observed == (
        "load-1 does not satisfy the schema at `requests_per_second`: the value is less than the minimum of 500."
    )
    assert given.observed in plain(PAGE)
    assert given.remedy in plain(PAGE)
    assert "at `its top level`" in answer(LOAD, load(text="{}")).observed


def test_only_a_newer_predicate_replaces_one_that_does_not_satisfy() -> None:
    bad = load("load-2", text="{}", age=timedelta(hours=2))
    assert answer(LOAD, bad, load(age=timedelta(hours=3))).outcome is Outcome.DENY
    assert answer(LOAD, bad, load(age=timedelta(hours=1))).outcome is Outcome.ALLOW


def test_a_predicate_too_large_to_be_carried_denies() -> None:
    given = answer(LOAD, item("load-1", OtherFacts(), predicate_type=LOAD_TYPE))
    assert given.outcome is Outcome.DENY
    assert given.observed == "load-1 holds a predicate of more than 16,384 bytes, too large to be judged."
    assert given.observed in plain(PAGE)


@pytest.mark.parametrize("text", ["", "{", "[" * 16_000, "9" * 5_000, '{"a":' * 900 + "1" + "}" * 900])
def test_a_text_that_cannot_be_judged_denies(text: str) -> None:
    given = answer(LOAD, load(text=text))
    assert given.outcome is Outcome.DENY
    assert given.observed == "load-1 holds a predicate that cannot be judged: it nests too deeply, or is no JSON."


def test_missing_distrusted_unverified_and_foreign_evidence_is_pending() -> None:
    missing = answer(LOAD)
    assert (missing.outcome, missing.awaits) == (Outcome.PENDING, LOAD_TYPE)
    assert answer(LOAD, load(verified=False)) == missing
    assert answer(LOAD, load(subjects=(IMAGE,))) == missing
    assert answer(LOAD, load(distrusted=True)).outcome is Outcome.PENDING
    assert answer(LOAD | {"max_age": "1d"}, load(age=timedelta(days=2))).outcome is Outcome.PENDING


def test_evidence_counts_for_the_stage_it_was_made_for_alone() -> None:
    this, qa = rule("required_evidence", evidence="sbom", made_for="this"), {"made_for": "qa"}
    made_here = item("e1", sbom(), made_for="prod")
    assert answer(this, made_here).outcome is Outcome.ALLOW
    assert answer(this, item("e1", sbom(), made_for="qa")).outcome is Outcome.PENDING
    assert answer(this, item("e1", sbom())).outcome is Outcome.PENDING
    assert answer(this | qa, item("e1", sbom(), made_for="qa")).outcome is Outcome.ALLOW
    assert answer(this, made_here, item("e2", sbom(), made_for="qa", age=timedelta(0))).evidence == ("e1",)
    assert "made for the stage prod" in answer(this).required
    torn = item("e2", UnreadableFacts(where="x", problem="y", meant="sbom"), age=timedelta(0))
    assert answer(this, made_here, torn).evidence == ("e2",)


def test_signers_have_one_of_the_identities_and_issuers() -> None:
    written = rule("required_evidence", evidence="sbom", identities=[WORKFLOW, "ada@example.org"], issuers=[ISSUER])
    right = signer("build").model_copy(update={"identity": WORKFLOW, "issuer": ISSUER})
    assert answer(written, item("e1", sbom(), signers=(right,))).outcome is Outcome.ALLOW
    for wrong in ({"identity": WORKFLOW + "x"}, {"identity": None}, {"issuer": None}, {"issuer": ISSUER + "/"}):
        signers = (right.model_copy(update=wrong),)
        assert answer(written, item("e1", sbom(), signers=signers)).outcome is Outcome.PENDING, wrong
    halves = (right.model_copy(update={"issuer": None}), signer("build", "k").model_copy(update={"issuer": ISSUER}))
    assert answer(written, item("e1", sbom(), signers=halves)).outcome is Outcome.PENDING
    lost = right.model_copy(update={"distrusted": True})
    assert answer(written, item("e1", sbom(), signers=(lost, signer("build")))).outcome is Outcome.PENDING
    assert answer(written).required == (
        f"Every artifact has verified sbom evidence signed by a signer with the identity {WORKFLOW} or ada@example.org "
        f"vouched for by {ISSUER}."
    )


def test_a_quorum_counts_only_signers_that_are_asked_for() -> None:
    written = rule("required_evidence", evidence="sbom", min_signers=2, issuers=[ISSUER])
    one, two = (signer("build", key).model_copy(update={"issuer": ISSUER}) for key in ("k1", "k2"))
    assert answer(written, item("e1", sbom(), signers=(one, two))).outcome is Outcome.ALLOW
    assert answer(written, item("e1", sbom(), signers=(one, signer("build", "k3")))).outcome is Outcome.PENDING


def test_the_artifacts_of_contained_versions_are_asked_for_too() -> None:
    inner = ContainedVersion(application="lib", version="1", digest="sha256:" + "a" * 64, artifacts=(IMAGE,))
    around = {"circumstances": Circumstances(contained=(inner,))}
    assert answer(LOAD, load(subjects=(WHEEL,)), **around).outcome is Outcome.PENDING
    both = (load(subjects=(WHEEL,)), load("load-2", subjects=(IMAGE,)))
    assert answer(LOAD, *both, **around).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, True),
        ({"subject": WaivedSubject(artifact=WHEEL)}, False),
        ({"subject": WaivedSubject(component="pkg:pypi/x")}, False),
        ({"stage": "qa"}, False),
        ({"rule": "other"}, False),
    ],
)
def test_a_waiver_for_the_version_covers_a_bad_predicate(change: dict[str, Any], *, passes: bool) -> None:
    granted = granted_waiver("required-evidence", WaivedSubject(artifact=VERSION)).model_copy(update=change)
    held = dossier(load(text="{}"), circumstances=Circumstances(waivers=(granted,)))
    assert (judge(held, policy(LOAD)).outcome is Outcome.ALLOW) is passes


def test_the_schema_survives_in_the_normal_form_whole() -> None:
    written = LOAD | {"schema": {"properties": {"b": {"minimum": 0.8}, "a": {"enum": ["é", 1]}}}}
    read = policy(written)
    again = read_policy(read.normal_form())
    assert (again, again.digest) == (read, read.digest)
    as_text = policy(LOAD | {"schema": '{"properties":{"a":{"enum":["é",1]},"b":{"minimum":0.8}}}'})
    assert as_text.digest == read.digest
    assert policy(LOAD | {"schema": {"properties": {"b": {"minimum": 0.9}}}}).digest != read.digest
    assert answer(LOAD | {"schema": '{"const": null}'}, load(text="null")).outcome is Outcome.ALLOW


_CHAIN = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 6} for n in range(6)} | {"a6": {"type": "string"}}


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (True, "a schema is an object, or the JSON text of one"),
        ([], "a schema is an object, or the JSON text of one"),
        ("{", "Expecting property name"),
        ('{"type":"null","type":"string"}', "a name stands twice in one object of the schema"),
        ("[" * 100_000, "a schema has at most 32 levels"),
        ({"type": "strin"}, "no JSON Schema 2020-12 at `type`: the value is not valid under any of the schemas"),
        ({"properties": {"a": {"minimum": "3"}}}, "no JSON Schema 2020-12 at `properties.a.minimum`"),
        ({"pattern": "(?=a)b"}, 'no JSON Schema 2020-12 at `pattern`: the value is not a "regex"'),
        ({"pattern": "(a{1000}){1000}"}, "no JSON Schema 2020-12 at `pattern`"),
        ({"format": "telephone"}, "no JSON Schema 2020-12 at `format`"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "`$schema` can only be https://json-schema.org/"),
        ({"$ref": "https://example.org/s"}, "`$ref` refers to https://example.org/s; only `#/...` inside"),
        ({"$ref": "file:///etc/passwd"}, "only `#/...` inside of the schema is followed"),
        ({"$ref": "other.json"}, "only `#/...` inside of the schema is followed"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "only `#/...` inside of the schema is followed"),
        ({"$id": "https://example.org/s", "$ref": "https://example.org/s#/$defs/a"}, "only `#/...` inside"),
        ({"items": {"$ref": "#/$defs/x"}}, "`items.$ref` refers to #/$defs/x, which is not there"),
        ({"$ref": "#"}, "only `#/...` inside of the schema is followed"),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "no circle of references"),
        ({"$defs": {"a": {"$ref": "#/%24defs/a"}}}, "no circle of references"),
        ({"$dynamicRef": "#a"}, "`$dynamicRef` is not understood at `$dynamicRef`"),
        ({"items": {"$id": "https://example.org/s"}}, "`$id` is not understood at `items.$id`"),
        ({"$defs": _CHAIN, "$ref": "#/$defs/a0"}, "a schema has at most 5,000 values"),
        (_deep(33), "a schema has at most 32 levels"),
        ({"title": "x" * 17_000}, "a schema has at most 16,384 bytes"),
        ({"properties": {1: {}}}, "the name at `properties.1` is no text"),
        ({"const": NOW}, "JSON has no datetime, as at `const`"),
        ({"minimum": float("nan")}, "JSON has no such number at `minimum`"),
    ],
)
def test_a_schema_that_could_not_be_judged_by_is_refused_with_its_place(schema: Any, says: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(LOAD | {"schema": schema}))
    assert raised.value.code == "policy_malformed"
    assert "spec.rules[0].schema" in raised.value.message
    assert says in raised.value.message


def test_the_library_fetches_nothing_even_where_a_reference_got_through() -> None:
    for address in ("http://127.0.0.1:9/s", "file:///etc/hostname"):
        with pytest.raises(ValidationError, match="Retrieval is disabled"):
            compiled(json.dumps({"$ref": address}))


def test_a_schema_may_have_members_that_are_called_like_keywords() -> None:
    schema = {"properties": {"$ref": {"type": "string"}, "$id": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a/b": {}}}
    assert answer(LOAD | {"schema": schema}, load()).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    "fields",
    [
        {"evidence": "sbom", "schema": {}},
        {"predicate_type": "https://cyclonedx.org/bom", "schema": {}},
        {"evidence": "sbom", "identities": []},
        {"evidence": "sbom", "issuers": [""]},
        {"evidence": "sbom", "made_for": "*"},
    ],
)
def test_what_asks_for_nothing_or_cannot_hold_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(rule("required_evidence", **fields)))
    assert raised.value.code == "policy_malformed"
