"""What CDEvents mean here: made-up ones, and the specification's own examples."""

import os
from pathlib import Path
from typing import Any

import pytest

from contracts.registry.v1.intake import PipelineEvent
from contracts.vocabulary import SourceCommit
from services.registry.domain.pipeline_event import (
    ArtifactBuilt,
    IncidentBegan,
    IncidentEnded,
    Named,
    NothingOfConcern,
    meaning_of,
    named_in,
    package_of,
)
from shared.digests import sha256_digest
from shared.errors import Invalid

DIGEST = sha256_digest(b"wheel")
PUBLISHED = "dev.cdevents.artifact.published.0.3.0"
DETECTED = "dev.cdevents.incident.detected.0.3.0"
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
    ],
)
@pytest.mark.parametrize("predicate", ["packaged", "published"])
def test_an_artifact_is_a_package_and_a_digest(purl: str, custom_data: dict[str, Any], predicate: str) -> None:
    meaning = meaning_of(f"dev.cdevents.artifact.{predicate}.0.3.0", purl, custom_data)
    assert isinstance(meaning, ArtifactBuilt)
    assert (meaning.package, meaning.artifact.purl, meaning.artifact.digest) == ("pkg:pypi/cart", purl, DIGEST)


def test_an_artifact_may_say_who_wrote_its_source() -> None:
    source = {"repository": "https://git.example/cart", "commit": "0123abc", "author": "ann", "committer": "bob"}
    meaning = meaning_of(PUBLISHED, "pkg:pypi/Cart@1.0", hallmark(digest=DIGEST, source=source))
    assert isinstance(meaning, ArtifactBuilt)
    assert meaning.source == SourceCommit(**source)


@pytest.mark.parametrize("purl", ["pkg:pypi/cart@1.0", f"pkg:pypi/cart?checksum=sha1:{'0' * 40}"])
def test_an_artifact_without_a_sha256_digest_is_refused(purl: str) -> None:
    with pytest.raises(Invalid) as refused:
        meaning_of(PUBLISHED, purl, {})
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
@pytest.mark.parametrize("event_type", [PUBLISHED, DETECTED])
def test_malformed_fields_of_ours_are_refused_with_their_place(
    event_type: str, fields: dict[str, Any], where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        meaning_of(event_type, "pkg:pypi/cart@1.0", hallmark(**fields))
    assert refused.value.code == "event_malformed"
    assert refused.value.message.startswith(f"{where}: ")


def test_incidents_begin_and_end() -> None:
    assert meaning_of(DETECTED, "i-1", hallmark(version="1.0")) == IncidentBegan("i-1", "1.0")
    assert meaning_of("dev.cdevents.incident.reported.0.3.0", "i-1", {}) == IncidentBegan("i-1", None)
    assert meaning_of("dev.cdevents.incident.resolved.0.3.0", "i-1", {}) == IncidentEnded("i-1")


def test_other_events_are_nothing_of_concern_whatever_they_carry() -> None:
    assert meaning_of("dev.cdevents.artifact.deleted.0.2.0", "x", hallmark(project=1)) == NothingOfConcern()


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
    assert named_in(content, custom_data) == named


def test_a_package_is_a_purl_without_version_in_canonical_form() -> None:
    assert package_of("pkg:PyPI/My_Cart@1.0?extension=whl#src") == "pkg:pypi/my-cart"
    assert package_of("pkg:maven/org.example/cart@2") == "pkg:maven/org.example/cart"
    with pytest.raises(Invalid) as refused:
        package_of("pkg:pypi/")
    assert refused.value.code == "purl_malformed"


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS to read it")
@pytest.mark.parametrize("release", ["0.5.1", "0.6.0-draft"])
def test_the_specifications_examples_are_read(release: str) -> None:
    folder = EXAMPLES / f"cdevents-conformance-{release}"
    meanings = {}
    for path in sorted(folder.glob("*.json")):
        event = PipelineEvent.model_validate_json(path.read_bytes())
        try:
            meanings[path.stem] = meaning_of(event.context.type, event.about.id, event.custom_data)
        except Invalid as refusal:
            meanings[path.stem] = refusal.code
    assert meanings.pop("artifact_published") == "artifact_undigested"
    assert meanings.pop("incident_reported") == IncidentBegan("incident-123", None)
    assert len(meanings) >= 20
    assert set(meanings.values()) == {NothingOfConcern()}
