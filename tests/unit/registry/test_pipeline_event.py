"""What CDEvents mean here: made-up ones, and the specification's own examples."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.registry.v1.intake import PipelineEvent
from contracts.vocabulary import SourceCommit
from services.registry.domain.meanings import (
    ArtifactBuilt,
    IncidentBegan,
    IncidentEnded,
    NothingOfConcern,
    ServiceChanged,
    SourceMerged,
    TestsRan,
)
from services.registry.domain.pipeline_event import AHEAD, Named, check_time, meaning_of, named_in
from services.registry.domain.purls import digest_in, package_of, tag_in, version_in
from shared.digests import sha256_digest
from shared.errors import Invalid

DIGEST = sha256_digest(b"wheel")
PUBLISHED = "dev.cdevents.artifact.published.0.3.0"
DETECTED = "dev.cdevents.incident.detected.0.3.0"
RESOLVED = "dev.cdevents.incident.resolved.0.3.0"
DEPLOYED = "dev.cdevents.service.deployed.0.3.0"
TESTED = "dev.cdevents.testsuiterun.finished.0.3.0"
MERGED = "dev.cdevents.change.merged.0.3.0"
WHERE = {"environment": {"id": "prod"}}
CONTENT = {**WHERE, "outcome": "success", "repository": {"id": "https://git.example/cart"}}
CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
EXAMPLES = CORPUS / "11-cdevents-cloudevents" / "give"


def hallmark(**fields: Any) -> dict[str, Any]:
    return {"hallmark": fields}


@pytest.mark.parametrize(
    ("purl", "custom_data"),
    [
        ("pkg:pypi/Cart@1.0", hallmark(digest=DIGEST)),
        (f"pkg:pypi/Cart@1.0?checksum={DIGEST}", {}),
        (f"pkg:pypi/Cart@1.0?checksum=sha1:{'0' * 40},{DIGEST}", {}),
        (f"pkg:pypi/Cart@1.0?checksum=sha256:{'0' * 64}", hallmark(digest=DIGEST)),
        (f"pkg:oci/cart@{DIGEST.replace(':', '%3A')}?tag=1.0", {}),
    ],
)
@pytest.mark.parametrize("predicate", ["packaged", "published"])
def test_an_artifact_is_a_package_and_a_digest(purl: str, custom_data: dict[str, Any], predicate: str) -> None:
    meaning = meaning_of(f"dev.cdevents.artifact.{predicate}.0.3.0", purl, {}, custom_data)
    assert isinstance(meaning, ArtifactBuilt)
    assert (meaning.package, meaning.artifact.purl, meaning.artifact.digest) == (package_of(purl), purl, DIGEST)
    assert meaning.published is (predicate == "published")


def test_an_artifact_may_say_who_wrote_its_source() -> None:
    source = {"repository": "https://git.example/cart", "commit": "0123abc", "author": "ann", "committer": "bob"}
    meaning = meaning_of(PUBLISHED, "pkg:pypi/Cart@1.0", {}, hallmark(digest=DIGEST, source=source))
    assert isinstance(meaning, ArtifactBuilt)
    assert meaning.source == SourceCommit(**source)


@pytest.mark.parametrize("purl", ["pkg:pypi/cart@1.0", f"pkg:pypi/cart?checksum=sha1:{'0' * 40}"])
def test_an_artifact_without_a_sha256_digest_is_refused(purl: str) -> None:
    with pytest.raises(Invalid) as refused:
        meaning_of(PUBLISHED, purl, {}, {})
    assert refused.value.code == "artifact_undigested"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"digest": "sha1:00"}, "customData.hallmark.digest"),
        ({"project": {"$ne": None}}, "customData.hallmark.project"),
        ({"application": "No Such Name"}, "customData.hallmark.application"),
        ({"version": 1}, "customData.hallmark.version"),
        ({"source": {"repository": "here"}}, "customData.hallmark.source.commit"),
    ],
)
@pytest.mark.parametrize("event_type", [PUBLISHED, DETECTED, DEPLOYED, TESTED, MERGED])
def test_malformed_fields_of_ours_are_refused_with_their_place(
    event_type: str, fields: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        meaning_of(event_type, "pkg:pypi/cart@1.0", CONTENT, hallmark(**fields))
    assert refused.value.code == "event_malformed"
    assert refused.value.message.startswith(f"{where}: ")


def test_incidents_begin_and_end() -> None:
    assert meaning_of(DETECTED, "i-1", {}, hallmark(version="1.0")) == IncidentBegan("i-1", "1.0")
    assert meaning_of("dev.cdevents.incident.reported.0.3.0", "i-1", {}, {}) == IncidentBegan("i-1", None)
    assert meaning_of(RESOLVED, "i-1", {}, {}) == IncidentEnded("i-1")
    image = {"artifactId": "pkg:oci/cart@sha256%3A00"}
    assert meaning_of(RESOLVED, "i-1", image, {}) == IncidentEnded("i-1", "pkg:oci/cart")
    assert meaning_of(DETECTED, "i-1", {"artifactId": ["what?"]}, {}) == IncidentBegan("i-1", None)


@pytest.mark.parametrize("change", ["deployed", "upgraded", "rolledback", "removed"])
def test_a_service_runs_something_else(change: str) -> None:
    image = f"pkg:oci/cart@{DIGEST}"
    meaning = meaning_of(f"dev.cdevents.service.{change}.0.3.0", "cart", {**WHERE, "artifactId": image}, {})
    purl, package, digest = (None, None, None) if change == "removed" else (image, "pkg:oci/cart", DIGEST)
    assert meaning == ServiceChanged(change, "cart", "prod", purl, package, digest, None)


def test_a_run_of_tests_says_how_it_ended() -> None:
    suite = {"testSuite": {"id": "s-1", "name": "Acceptance"}}
    meaning = meaning_of(TESTED, "run-1", {**WHERE, **suite, "outcome": "failure"}, hallmark(version="1.0"))
    assert meaning == TestsRan("run-1", "Acceptance", "failure", "prod", "1.0", None)
    older = meaning_of(TESTED.replace("0.3.0", "0.1.0"), "run-1", {"outcome": "pass"}, hallmark(digest=DIGEST))
    assert older == TestsRan("run-1", None, "success", None, None, DIGEST)


def test_a_change_was_merged_into_a_repository() -> None:
    source = {"repository": "https://git.example/till", "commit": "0123abc"}
    assert meaning_of(MERGED, "!1", CONTENT, {}) == SourceMerged("!1", "https://git.example/cart", None)
    assert meaning_of(MERGED, "!1", CONTENT, hallmark(source=source)) == SourceMerged("!1", *source.values())


@pytest.mark.parametrize(
    ("event_type", "content", "where"),
    [
        (DEPLOYED, {"artifactId": "pkg:oci/cart@1"}, "environment.id"),
        (DEPLOYED, {"environment": "prod"}, "environment.id"),
        (DEPLOYED, {"environment": {"id": 1}}, "environment.id"),
        (TESTED, WHERE, "outcome"),
        (TESTED, {"outcome": {"success": True}}, "outcome"),
        (MERGED, {"repository": {"id": ""}}, "repository.id"),
    ],
)
def test_what_lacks_its_substance_is_refused_with_its_place(
    event_type: str, content: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        meaning_of(event_type, "x", content, {})
    assert refused.value.code == "event_incomplete"
    assert refused.value.message.startswith(f"subject.content.{where} ")


@pytest.mark.parametrize(
    "event_type",
    [
        "dev.cdevents.artifact.deleted.0.2.0",
        "dev.cdevents.approval.created.0.1.0-draft",
        "dev.cdeventsx.argo-artifact.published.0.3.0",
        "dev.cdevents.artifact.published",
        "com.example.artifact.published.0.3.0",
    ],
)
def test_other_events_are_nothing_of_concern_whatever_they_carry(event_type: str) -> None:
    assert meaning_of(event_type, "x", {}, hallmark(project=1)) == NothingOfConcern()


def test_drafts_of_the_specification_are_read_like_their_releases() -> None:
    assert isinstance(meaning_of("dev.cdevents.service.removed.0.4.0-draft", "cart", WHERE, {}), ServiceChanged)


def test_a_time_may_be_old_but_not_in_the_future() -> None:
    now = datetime(2026, 1, 2, 3, tzinfo=UTC)
    check_time(datetime(2001, 1, 1, tzinfo=UTC), now)
    check_time(now + AHEAD, now)
    with pytest.raises(Invalid) as refused:
        check_time(now + AHEAD + timedelta(microseconds=1), now)
    assert refused.value.code == "event_from_future"


@pytest.mark.parametrize(
    ("content", "custom_data", "named"),
    [
        ({}, {}, Named(None, None)),
        ({}, hallmark(project="shop"), Named("shop", None)),
        ({"service": {"id": "shop/cart"}}, {}, Named("shop", "cart")),
        ({"service": {"id": "bank/till"}}, hallmark(project="shop", application="cart"), Named("shop", "cart")),
        ({"service": {"id": "myApp"}}, {}, Named(None, None)),
        ({"service": {"id": "Shop/cart"}}, {}, Named(None, None)),
        ({"service": "shop/cart"}, {}, Named(None, None)),
    ],
)
def test_an_event_may_name_where_it_belongs(content: dict[str, Any], custom_data: dict[str, Any], named: Named) -> None:
    assert named_in(DETECTED, "bank/till", content, custom_data) == named


def test_a_service_may_name_its_application_by_its_id() -> None:
    assert named_in(DEPLOYED, "shop/cart", {}, {}) == Named("shop", "cart")
    assert named_in(DEPLOYED, "cart-7f", {}, {}) == Named(None, None)


def test_a_package_is_a_purl_without_version_in_canonical_form() -> None:
    assert package_of("pkg:PyPI/My_Cart@1.0?extension=whl#src") == "pkg:pypi/my-cart"
    assert package_of("pkg:maven/org.example/cart@2") == "pkg:maven/org.example/cart"
    with pytest.raises(Invalid) as refused:
        package_of("pkg:pypi/")
    assert refused.value.code == "purl_malformed"


def test_a_purl_names_a_version_a_tag_or_a_digest() -> None:
    image = f"pkg:oci/cart@{DIGEST.replace(':', '%3A')}?repository_url=registry.example/cart&tag=v1.0"
    assert (version_in(image), tag_in(image), digest_in(image)) == (None, "v1.0", DIGEST)
    assert (version_in("pkg:pypi/cart@1.0"), tag_in("pkg:pypi/cart@1.0"), digest_in("pkg:pypi/cart@1.0")) == (
        "1.0",
        None,
        "",
    )


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS to read it")
@pytest.mark.parametrize("release", ["0.5.1", "0.6.0-draft"])
def test_the_specifications_examples_are_read(release: str) -> None:
    folder = EXAMPLES / f"cdevents-conformance-{release}"
    meanings: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        event = PipelineEvent.model_validate_json(path.read_bytes())
        try:
            meanings[path.stem] = meaning_of(event.context.type, event.about.id, event.about.content, event.custom_data)
        except Invalid as refusal:
            meanings[path.stem] = refusal.code
    image = "pkg:oci/myapp@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
    runs = (image, "pkg:oci/myapp", digest_in(image), None)
    assert meanings.pop("artifact_published") == "artifact_undigested"
    assert meanings.pop("incident_reported") == IncidentBegan("incident-123", None, "pkg:oci/myapp")
    for change in ("deployed", "upgraded"):
        assert meanings.pop(f"service_{change}") == ServiceChanged(change, "mySubject123", "test123", *runs)
    assert meanings.pop("service_removed") == ServiceChanged(
        "removed", "mySubject123", "test123", None, None, None, None
    )
    ran = TestsRan("myTestSuiteRun123", "Auth TestSuite", "failure", "dev", None, None)
    assert meanings.pop("testsuiterun_finished") == ran
    assert len(meanings) >= 16
    assert set(meanings.values()) == {NothingOfConcern()}
