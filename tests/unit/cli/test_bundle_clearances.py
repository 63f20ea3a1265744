"""The clearance in a bundle's verdict is the gate's, and says what the verdict says."""

from typing import Any

import pytest

from contracts.clearance import SignedClearance
from contracts.gate.v1.views import UsedWaiver, VerdictView
from contracts.vocabulary import PromotionKind
from services.cli.verifier.cleared import check_clearance
from services.cli.verifier.reading import WrongError
from services.cli.verifier.verify import Report, verify_bundle
from shared.crypto import keys
from shared.digests import sha256_digest
from tests.support.bundles import ARTIFACTS, Story, packed
from tests.support.clearances import signed_clearance

WAY = [{"stage": "dev", "gate": "entry", "open": True}]
OTHER = sha256_digest(b"another")
STRANGER = keys.generate()


def verified(story: Story, clearance: SignedClearance | None) -> Report:
    """What is said of a bundle whose gate put this clearance into a verdict."""
    story.policy()
    story.moved(story.judged("pr", WAY, clearance=clearance), None, "dev")
    return verify_bundle(packed(story.write(earlier=1)))


def told(key: keys.PrivateKey | None = None, **lies: Any) -> Report:
    """What is said of a clearance that differs in this from what the gate would have said at that moment."""
    story = Story()
    honest = Story(gate=story.gate).judged("pr", WAY).clearance
    assert honest is not None
    return verified(story, signed_clearance(honest.clearance.model_copy(update=lies), key or story.gate))


def test_what_the_gate_wrote_verifies_and_so_does_a_verdict_from_before_there_were_clearances() -> None:
    assert told().passed, told().as_json()
    assert verified(Story(), None).passed


@pytest.mark.parametrize(
    "lie",
    [
        {"promotion_id": "pr-2"},
        {"attempt": 2},
        {"version_digest": OTHER},
        {"artifacts_digest": OTHER},
        {"kind": PromotionKind.ROLLBACK},
        {"passages": ()},
        {"requested_by": "eve"},
        {"policy_digests": (OTHER,)},
        {"evidence_digest": OTHER},
        {"evidence_set": OTHER},
        {"waivers": ("wv-1",)},
        {"may_be_trusted": False},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_a_clearance_that_says_anything_else_is_named(lie: dict[str, Any]) -> None:
    report = told(**lie)
    assert not report.passed
    assert f"cleared another {next(iter(lie))} than it says" in report.checks[-1].detail


def test_a_clearance_by_a_stranger_is_none() -> None:
    report = told(key=STRANGER)
    assert not report.passed
    assert "no known key of the gate" in report.checks[-1].detail


def test_only_what_allows_has_a_clearance_and_waivers_are_named_by_id() -> None:
    story = Story()
    view = story.judged("pr", WAY)
    artifacts, public = [one.digest for one in ARTIFACTS], story.gate.public_key()
    check_clearance("v", view, artifacts, {keys.key_id(public): public})
    waived = UsedWaiver(waiver_id="wv-1", digest=OTHER)
    for changed in ({"outcome": "deny"}, {"waivers": (waived,)}):
        other = VerdictView.model_validate(view.model_dump() | changed)
        with pytest.raises(WrongError, match=r"does not allow|another waivers"):
            check_clearance("v", other, artifacts, {keys.key_id(public): public})
