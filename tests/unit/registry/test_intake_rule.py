"""What an application lets pipelines do by themselves."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.registry.v1.intake_rule import IntakeRule
from contracts.vocabulary import Artifact, SourceCommit
from services.registry.domain.intake_rule import Rule, version_made_by
from services.registry.domain.meanings import ArtifactBuilt
from services.registry.domain.purls import package_of
from shared.digests import sha256_digest
from shared.errors import Forbidden, Invalid

WHEEL = "pkg:pypi/cart@v1.0"
IMAGE = "pkg:oci/cart@sha256%3A" + "0" * 64 + "?tag=1.0-rc1"
COMMIT = SourceCommit(repository="https://git.example/shop/cart", commit="0123abc")


def built(purl: str = WHEEL, **more: Any) -> ArtifactBuilt:
    artifact = Artifact(purl=purl, digest=sha256_digest(b"wheel"))
    return ArtifactBuilt(artifact, package_of(purl), **({"source": COMMIT} | more))


@pytest.mark.parametrize(
    ("rule", "build", "version"),
    [
        (Rule(), built(version="2.0"), None),
        (Rule("named"), built(version="2.0"), "2.0"),
        (Rule("from_purl"), built(), "v1.0"),
        (Rule("from_purl", prefix="v"), built(), "1.0"),
        (Rule("from_purl", prefix="release-"), built(), "v1.0"),
        (Rule("from_purl", prefix="v"), built(version="v2.0"), "v2.0"),
        (Rule("from_tag"), built(IMAGE), "1.0-rc1"),
        (Rule("from_purl"), built(published=False), None),
        (Rule("from_purl", repository="https://git.example/shop/*"), built(), "v1.0"),
        (Rule("off", repository="https://git.example/bank/*"), built(), None),
    ],
)
def test_a_version_is_named_by_the_event_or_taken_from_the_purl(
    rule: Rule, build: ArtifactBuilt, version: str | None
) -> None:
    assert version_made_by(rule, build) == version


@pytest.mark.parametrize(
    ("rule", "build"),
    [
        (Rule("named"), built()),
        (Rule("from_purl"), built(IMAGE)),
        (Rule("from_purl"), built("pkg:pypi/cart")),
        (Rule("from_tag"), built()),
        (Rule("from_purl", prefix="v1.0"), built()),
        (Rule("from_purl"), built("pkg:pypi/cart@feature%2Fx")),
        (Rule("from_purl"), built("pkg:pypi/cart@1%200")),
    ],
)
def test_a_build_that_names_no_version_is_refused(rule: Rule, build: ArtifactBuilt) -> None:
    with pytest.raises(Invalid) as refused:
        version_made_by(rule, build)
    assert refused.value.code == "version_unnamed"


@pytest.mark.parametrize(
    "source", [None, COMMIT, SourceCommit(repository="https://git.example/BANK/x", commit="0" * 7)]
)
def test_builds_from_elsewhere_make_no_version(source: SourceCommit | None) -> None:
    with pytest.raises(Forbidden) as refused:
        version_made_by(Rule("from_purl", repository="https://git.example/bank/*"), built(source=source))
    assert refused.value.code == "artifact_from_elsewhere"


@pytest.mark.parametrize(
    ("rule", "binds"),
    [
        (Rule(packages=("pkg:pypi/*",)), False),
        (Rule(bind=True), False),
        (Rule(bind=True, packages=("pkg:oci/*", "pkg:pypi/c?rt")), True),
        (Rule(bind=True, packages=("pkg:pypi/Cart",)), False),
        (Rule(bind=True, packages=("pkg:pypi/cart",), repository="*/shop/*"), True),
        (Rule(bind=True, packages=("pkg:pypi/cart",), repository="*/bank/*"), False),
    ],
)
def test_a_package_is_bound_when_the_rule_names_it_and_its_repository(rule: Rule, *, binds: bool) -> None:
    assert rule.binds(built()) is binds
    assert rule.binds(built(published=False)) is binds


def test_only_a_named_repository_is_owned() -> None:
    assert Rule(repository="https://git.example/shop/*").owns(COMMIT.repository)
    assert not Rule(repository="https://git.example/bank/*").owns(COMMIT.repository)
    assert not Rule().owns(COMMIT.repository)


@pytest.mark.parametrize("wrong", [{"bind": True}, {"version": "off"}, {"versions": "sometimes"}, {"packages": [""]}])
def test_a_rule_that_says_less_than_it_seems_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IntakeRule.model_validate(wrong)
