"""How a draft grows, and what it is when it is sealed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import Artifact, SourceCommit
from services.registry.domain.draft import MOST, Amendment, agreed_source, amended, begun_with, sealed
from services.registry.domain.version import Version, manifest_digest
from shared.digests import sha256_digest
from shared.errors import Conflict, Invalid, TooLarge

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
COMMIT = SourceCommit(repository="https://git.example/cart", commit="0123abc")
DETAILED = COMMIT.model_copy(update={"branch": "main", "author": "ann"})
OTHER = SourceCommit(repository="https://git.example/cart", commit="fffffff")


def an_artifact(name: str, content: str | None = None) -> Artifact:
    return Artifact(purl=f"pkg:oci/{name}@1.0", digest=sha256_digest((content or name).encode()))


AMD, ARM, WHEEL = an_artifact("cart-amd64"), an_artifact("cart-arm64"), an_artifact("wheel")
NESTED = sha256_digest(b"nested")


def a_draft(*artifacts: Artifact, source: SourceCommit | None = None) -> Version:
    said = Amendment(artifacts or (AMD,), source=source)
    return begun_with("shop", "cart", "1.0", said, by="pipe", at=NOW)


def content(version: Version) -> tuple[object, ...]:
    return version.digest, version.artifacts, version.nested, version.sources, version.source


def test_a_draft_has_the_digest_of_its_present_content() -> None:
    draft = a_draft()
    assert (draft.draft, draft.drafted_at, draft.contributors) == (True, NOW, ("pipe",))
    grown = amended(draft, Amendment((ARM,), (NESTED,), DETAILED), by="ann")
    made_of: dict[str, Any] = {"artifacts": (AMD, ARM), "nested": (NESTED,), "source": DETAILED}
    assert grown.digest == manifest_digest("shop", "cart", "1.0", **made_of) != draft.digest
    assert grown.contributors == ("ann", "pipe")


def test_the_order_in_which_content_comes_makes_no_difference() -> None:
    said = [
        Amendment((AMD,), source=COMMIT),
        Amendment((ARM,), source=DETAILED),
        Amendment((WHEEL, AMD), (NESTED,)),
        Amendment((Artifact(purl="pkg:oci/another-name@1.0", digest=ARM.digest),)),
    ]
    ends = set()
    for order in permutations(said):
        version = begun_with("shop", "cart", "1.0", order[0], by="pipe", at=NOW)
        for one in order[1:]:
            version = amended(version, one, by="pipe")
        ends.add(content(sealed(version, LATER)))
    [(_, artifacts, nested, _, source)] = ends
    assert artifacts == tuple(
        sorted((AMD, WHEEL, Artifact(purl="pkg:oci/another-name@1.0", digest=ARM.digest)), key=lambda one: one.digest)
    )
    assert (nested, source) == ((NESTED,), DETAILED)


_ARTIFACTS = st.builds(an_artifact, st.sampled_from("abc"), st.sampled_from("xyz"))
_SOURCES = st.sampled_from([None, COMMIT, DETAILED, OTHER])
_SAID = st.builds(Amendment, st.lists(_ARTIFACTS, min_size=1, max_size=3).map(tuple), st.just(()), _SOURCES)


@given(st.lists(_SAID, min_size=1, max_size=5), st.randoms())
def test_nothing_said_twice_or_in_another_order_changes_a_draft(said: list[Amendment], random: Random) -> None:
    other = [*said, *said]
    random.shuffle(other)
    ends = []
    for order in (said, other):
        version = begun_with("shop", "cart", "1.0", order[0], by="pipe", at=NOW)
        for one in order[1:]:
            version = amended(version, one, by="pipe")
        ends.append(content(version))
    assert ends[0] == ends[1]


def test_what_is_there_already_changes_nothing() -> None:
    draft = a_draft(AMD, ARM, source=COMMIT)
    assert amended(draft, Amendment((ARM,), source=COMMIT), by="ann") is draft
    assert amended(draft, Amendment(removed=(WHEEL.digest,)), by="ann") is draft


def test_two_builds_under_one_purl_are_both_in_it() -> None:
    rebuilt = an_artifact("cart-amd64", "built again")
    assert {one.digest for one in amended(a_draft(), Amendment((rebuilt,)), by="pipe").artifacts} == {
        AMD.digest,
        rebuilt.digest,
    }


def test_people_take_things_out_again_but_not_everything() -> None:
    draft = amended(a_draft(AMD, ARM), Amendment(removed=(AMD.digest,)), by="ann")
    assert (draft.artifacts, draft.contributors) == ((ARM,), ("ann", "pipe"))
    containing = amended(draft, Amendment(nested=(NESTED,)), by="ann")
    assert amended(containing, Amendment(removed=(NESTED,)), by="ann").nested == ()
    with pytest.raises(Invalid) as refused:
        amended(draft, Amendment(removed=(ARM.digest,)), by="ann")
    assert refused.value.code == "version_empty"


def test_sealing_fixes_content_and_digest_and_is_when_the_version_begins() -> None:
    draft = a_draft(source=COMMIT)
    version = sealed(draft, LATER)
    assert (version.draft, version.created_at, version.drafted_at) == (False, LATER, NOW)
    assert content(version) == content(draft)
    assert version.created_by == "pipe"


@pytest.mark.parametrize(
    ("amendment", "news"),
    [
        (Amendment((ARM,)), ARM.purl),
        (Amendment((an_artifact("cart-amd64", "built again"),)), AMD.purl),
        (Amendment(nested=(NESTED,)), NESTED),
        (Amendment(removed=(AMD.digest,)), AMD.digest),
        (Amendment((AMD,), source=OTHER), OTHER.commit),
    ],
    ids=["artifact", "other digest", "nested", "removal", "source"],
)
def test_a_sealed_version_takes_nothing_new(amendment: Amendment, news: str) -> None:
    version = sealed(a_draft(source=COMMIT), LATER)
    with pytest.raises(Conflict) as refused:
        amended(version, amendment, by="ann")
    assert refused.value.code == "version_sealed"
    assert news in refused.value.message
    assert version.digest in refused.value.message


def test_a_sealed_version_is_told_what_it_holds_without_harm() -> None:
    version = sealed(a_draft(source=COMMIT), LATER)
    assert amended(version, Amendment((AMD,), source=DETAILED), by="ann") is version
    renamed = Artifact(purl="pkg:oci/mirror@1.0", digest=AMD.digest)
    assert amended(version, Amendment((renamed,), removed=(ARM.digest,)), by="ann") is version


def test_a_version_without_a_source_gets_none_after_sealing() -> None:
    with pytest.raises(Conflict):
        amended(sealed(a_draft(), LATER), Amendment((AMD,), source=COMMIT), by="ann")


def test_contradictory_sources_keep_it_from_being_sealed_until_somebody_settles_it() -> None:
    draft = amended(a_draft(source=COMMIT), Amendment((ARM,), source=OTHER), by="pipe")
    assert draft.source is None
    with pytest.raises(Conflict) as refused:
        sealed(draft, LATER)
    assert refused.value.code == "draft_sources_differ"
    assert "0123abc" in refused.value.message
    assert "fffffff" in refused.value.message
    settled = amended(draft, Amendment(source=OTHER, settles_source=True), by="ann")
    assert sealed(settled, LATER).source == OTHER


def test_saying_less_of_a_commit_is_no_contradiction() -> None:
    committer = COMMIT.model_copy(update={"committer": "bob"})
    assert agreed_source([COMMIT, DETAILED, committer]) == DETAILED.model_copy(update={"committer": "bob"})
    assert agreed_source([DETAILED, DETAILED.model_copy(update={"author": "eve"})]) is None
    assert agreed_source([]) is None


def test_a_draft_does_not_grow_beyond_what_a_message_holds() -> None:
    full = a_draft(*(an_artifact(f"part-{number}") for number in range(MOST)))
    with pytest.raises(TooLarge) as refused:
        amended(full, Amendment((AMD,)), by="pipe")
    assert refused.value.code == "version_too_large"
    assert amended(full, Amendment(full.artifacts[:1]), by="pipe") is full


def test_versions_that_never_were_drafts_take_nothing_either() -> None:
    version = replace(a_draft(), draft=False, drafted_at=None, contributors=())
    with pytest.raises(Conflict):
        amended(version, Amendment((ARM,)), by="ann")
