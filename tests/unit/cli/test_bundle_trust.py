"""A passage and a move claim what their verdict allows, and no more: the trust of a release is not theirs to give."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts.gate.v1.views import UsedWaiver, VerdictView
from services.cli.verifier.reading import WrongError
from services.cli.verifier.verify import Trust, _Verification
from shared.digests import sha256_digest
from tests.support.bundles import Story, packed

STAGE = [{"stage": "prod", "gate": "entry", "open": True}]
RELEASE = [*STAGE, {"stage": "prod", "gate": "release", "open": True}]
TRUSTED, RELEASED, IN_PROD = "HALLMARK_TRUSTED_RELEASE", "HALLMARK_RELEASE", "HALLMARK_STAGE_PROD"
WAIVER = UsedWaiver(waiver_id="wv-1", digest=sha256_digest(b"waiver"))
Says = dict[str, Any]


def moves(passages: list[Says], verdict_says: Says, **lies: Any) -> str:
    """What the verifier says of a move that rests on a verdict which says this. Raises `WrongError`."""
    story = Story()
    story.policy()
    verdict = story.judged("pr", passages)
    said: VerdictView = verdict.model_copy(update=verdict_says)
    story.moved(said, None, "prod", **{"release": len(passages) > 1} | lies)
    verification = _Verification(packed(story.write(earlier=1)), Trust())
    for check in ("read", "version", "state", "evidence", "verdicts"):
        getattr(verification, check)()
    # Whether the verdict itself says what its policies give is another check; here it is what it is.
    verification.given = {verdict.verdict_id: said}
    return verification.moves()


UNTRUSTED: Says = {"may_be_trusted": False, "waivers": (WAIVER,)}
ON_A_WAIVER: Says = {"waivers": (WAIVER,)}


@pytest.mark.parametrize("verdict", [{}, ON_A_WAIVER, UNTRUSTED], ids=["trusted", "on a waiver", "untrusted"])
@pytest.mark.parametrize("passages", [STAGE, RELEASE], ids=["stage", "release"])
def test_a_move_that_claims_what_its_verdict_says_verifies(passages: list[Says], verdict: Says) -> None:
    assert moves(passages, verdict) == "1 moves were allowed, attested and logged"


def test_a_release_that_is_not_called_trusted_though_it_may_be_verifies() -> None:
    assert moves(RELEASE, {}, withheld=True, trusted=False).startswith("1 moves")


LIES: dict[str, Callable[[], str]] = {
    "a trusted release on a verdict that lets it be none": lambda: moves(RELEASE, UNTRUSTED, levels=(TRUSTED,)),
    "a result alone that says so": lambda: moves(RELEASE, UNTRUSTED, result_levels=(TRUSTED,)),
    "a summary alone that says so": lambda: moves(
        RELEASE, UNTRUSTED, levels=(TRUSTED,), result_levels=(RELEASED, IN_PROD)
    ),
    "that beside what it is": lambda: moves(RELEASE, UNTRUSTED, levels=(TRUSTED, RELEASED, IN_PROD)),
    "a promotion that says trusted": lambda: moves(RELEASE, UNTRUSTED, trusted=True),
    "both": lambda: moves(RELEASE, UNTRUSTED, levels=(TRUSTED,), trusted=True),
    "less than the verdict lets it be": lambda: moves(RELEASE, {}, levels=(RELEASED, IN_PROD)),
    "a promotion that says untrusted": lambda: moves(RELEASE, {}, trusted=False),
    "a passage alone that withholds it": lambda: moves(RELEASE, {}, withheld=True),
    "a release by no stage": lambda: moves(RELEASE, UNTRUSTED, levels=(RELEASED,)),
    "a stage that is no release": lambda: moves(STAGE, {}, levels=(RELEASED, IN_PROD)),
    "a stage that is a trusted release": lambda: moves(STAGE, {}, levels=(TRUSTED,)),
    "another stage": lambda: moves(STAGE, {}, levels=("HALLMARK_STAGE_QA",)),
    "a promotion without its waivers": lambda: moves(RELEASE, UNTRUSTED, waivers=()),
    "a promotion with another waiver": lambda: moves(RELEASE, ON_A_WAIVER, waivers=("wv-2",)),
    "a waiver that nothing needed": lambda: moves(RELEASE, {}, waivers=("wv-1",)),
    "a passage without its waivers": lambda: moves(RELEASE, UNTRUSTED, attested_waivers=()),
    "a passage with another waiver": lambda: moves(RELEASE, ON_A_WAIVER, attested_waivers=("wv-2",)),
}


@pytest.mark.parametrize("what", LIES)
def test_a_claim_that_its_verdict_does_not_allow_is_refused(what: str) -> None:
    with pytest.raises(WrongError, match=r"than its verdict|what its verdict says"):
        LIES[what]()
