"""What a version's digest covers."""

from dataclasses import replace
from typing import Any

import pytest

from services.registry.domain.version import manifest_digest
from shared.digests import sha256_digest
from shared.errors import Invalid
from tests.unit.registry.moves import IMAGE, MADE_OF, NESTED, SOURCE, VERSION, WHEEL, a_move


def test_the_digest_is_of_the_documented_manifest_and_not_of_an_order() -> None:
    # Written out, so that a change of the manifest's form is noticed: it would rename every version.
    artifacts = sorted((one.digest, one.purl) for one in (WHEEL, IMAGE))
    listed = ",".join(f'{{"digest":"{digest}","purl":"{purl}"}}' for digest, purl in artifacts)
    manifest = (
        f'{{"application":"cart","artifacts":[{listed}],'
        f'"nested":["{min(NESTED)}","{max(NESTED)}"],"project":"shop",'
        '"source":{"branch":null,"commit":"0123abc","committed_at":"2026-01-02T03:04:05.000000Z",'
        '"repository":"https://git.example/cart"},"v":1,"version":"1.0"}'
    )
    assert VERSION.digest == sha256_digest(manifest.encode())
    assert VERSION.digest == "sha256:a2767deb4c8df46d809dc404407ea0db76e019929ae77830bd3fcfd806381e61"
    turned = MADE_OF | {"artifacts": (IMAGE, WHEEL), "nested": NESTED[::-1]}
    assert manifest_digest("shop", "cart", "1.0", **turned) == VERSION.digest


def test_author_and_committer_are_in_the_manifest_where_they_are_said() -> None:
    def digest(**people: str) -> str:
        return manifest_digest("shop", "cart", "1.0", **MADE_OF | {"source": SOURCE.model_copy(update=people)})

    assert digest(author="ann") != digest(committer="ann")
    artifacts = sorted((one.digest, one.purl) for one in (WHEEL, IMAGE))
    listed = ",".join(f'{{"digest":"{digest}","purl":"{purl}"}}' for digest, purl in artifacts)
    manifest = (
        f'{{"application":"cart","artifacts":[{listed}],'
        f'"nested":["{min(NESTED)}","{max(NESTED)}"],"project":"shop",'
        '"source":{"author":"ann","branch":null,"commit":"0123abc","committed_at":"2026-01-02T03:04:05.000000Z",'
        '"committer":"bob","repository":"https://git.example/cart"},"v":1,"version":"1.0"}'
    )
    assert digest(author="ann", committer="bob") == sha256_digest(manifest.encode())


@pytest.mark.parametrize(
    ("names", "change"),
    [
        (("bank", "cart", "1.0"), {}),
        (("shop", "till", "1.0"), {}),
        (("shop", "cart", "1.1"), {}),
        (("shop", "cart", "1.0"), {"artifacts": (WHEEL,)}),
        (("shop", "cart", "1.0"), {"artifacts": (WHEEL, IMAGE.model_copy(update={"purl": "pkg:oci/other@1.0"}))}),
        (("shop", "cart", "1.0"), {"nested": NESTED[:1]}),
        (("shop", "cart", "1.0"), {"source": None}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"commit": "0123abd"})}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"committed_at": None})}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"author": "ann"})}),
        (("shop", "cart", "1.0"), {"source": SOURCE.model_copy(update={"committer": "ann"})}),
    ],
)
def test_whatever_else_changes_changes_the_digest(names: tuple[str, str, str], change: dict[str, Any]) -> None:
    assert manifest_digest(*names, **(MADE_OF | change)) != VERSION.digest


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"artifacts": (), "nested": ()}, "version_empty"),
        ({"artifacts": (WHEEL, WHEEL.model_copy(update={"purl": "pkg:pypi/other"}))}, "version_artifact_repeated"),
        ({"nested": NESTED[:1] * 2}, "version_artifact_repeated"),
    ],
)
def test_a_version_of_nothing_or_of_one_thing_twice_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        manifest_digest("shop", "cart", "1.0", **(MADE_OF | change))
    assert refused.value.code == code


def test_a_made_move_is_found_by_promotion_and_attempt() -> None:
    move = a_move(None, "dev").move
    version = replace(VERSION, history=(move,))
    assert version.move_of("promote-dev", 1) is move
    assert version.move_of("promote-dev", 2) is None
    assert version.move_of("promote-qa", 1) is None
