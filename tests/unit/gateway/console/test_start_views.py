"""The steps of the guide, and the documents it offers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from contracts.registry.v1.views import LifecycleView, ProjectView, StageView, VersionSummary
from contracts.vocabulary import GateKind, ReleaseStatus
from services.gateway.console import sample_evidence, samples
from services.gateway.console.start_views import Found, first_own, next_path, steps
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.policy.policy import Policy
from tests.unit.gateway.application_builders import an_application

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PROJECT = ProjectView(
    project="shop",
    title="",
    public_badges=False,
    revision=1,
    lifecycles=(
        LifecycleView(
            lifecycle="default",
            stages=(
                StageView(name="dev", title="", open=(GateKind.ENTRY,), release=False),
                StageView(name="prod", title="", release=True),
            ),
        ),
    ),
)
APPLICATION = an_application()
VERSION = VersionSummary(
    version="1.0",
    digest=sha256_digest(b"1"),
    created_at=NOW,
    stage=None,
    release_status=ReleaseStatus.PRE_RELEASE,
)


def test_the_first_step_that_is_not_done_is_the_next() -> None:
    assert [(one.done, one.current) for one in steps(Found())][:2] == [(False, True), (False, False)]
    found = Found(PROJECT, APPLICATION, policies=True, version=VERSION)
    assert [one.name for one in steps(found) if one.current] == ["promotion"]
    assert [one.done for one in steps(found)] == [True, True, True, True, False]
    assert not steps(replace(found, application=None))[1].done


def test_the_next_stage_follows_from_where_the_version_stands() -> None:
    found = Found(PROJECT, APPLICATION, version=VERSION)
    assert next_path(found).endswith("version=1.0&kind=promote&to_stage=dev")
    there = replace(found, version=VERSION.model_copy(update={"stage": "dev"}))
    assert next_path(there).endswith("version=1.0&kind=release&to_stage=prod")
    assert next_path(replace(found, version=VERSION.model_copy(update={"stage": "prod"}))) == ""
    assert found.guarded
    assert found.guarded.name == "prod"


def test_the_guide_goes_on_with_a_project_of_ones_own() -> None:
    sample = PROJECT.model_copy(update={"project": "sample"})
    assert first_own([sample, PROJECT], "sample") == "shop"
    assert first_own([sample], "sample") == ""


def test_the_documents_it_offers_are_policies_as_the_gate_reads_them() -> None:
    for document in (samples.first_policy("shop", "prod"), *samples.sample_policies()):
        assert Policy.model_validate(document)


def test_sample_evidence_is_really_signed_and_about_its_version() -> None:
    key = keys.generate()
    versions = {one.version: one for one in sample_evidence.versions_in(samples.sample_shop())}
    signed = [dsse.parse(one.encode()) for one in sample_evidence.envelopes(versions["4.1.0"], key, NOW)]
    assert len(signed) == 3
    for envelope in signed:
        [signature] = envelope.signatures
        assert keys.verify(key.public_key(), dsse.pae(envelope.payload_type, envelope.payload), signature.sig)
        statement = json.loads(envelope.payload)
        assert f"sha256:{statement['subject'][0]['digest']['sha256']}" == versions["4.1.0"].artifact.digest
    assert list(sample_evidence.envelopes(versions["0.9.0"], key, NOW)) == []
