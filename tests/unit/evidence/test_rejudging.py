"""What evidence counts for after trust roots have changed: it loses power to allow, and never power to deny."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.facts import EvidenceItem, Signer, Standing
from shared.digests import sha256_digest
from shared.trust.rejudging import Rejudgement, earlier, judged_again
from tests.unit.gate.gate_builders import APPROVAL_TYPE, NOW, approval, item, passed


def signed(key: str, root: str = "ci", role: str = "test") -> Signer:
    return Signer(key_id=sha256_digest(key.encode()), trust_root=root, role=role)


def believed(*signers: Signer, **changes: Any) -> EvidenceItem:
    return item("e1", passed(), signers=signers or (signed("k1"),), **changes)


def unbelieved(problem: str = "key_distrusted") -> EvidenceItem:
    return item("e1", passed(), verified=False).model_copy(update={"problem": problem})


def again(before: EvidenceItem, fresh: EvidenceItem | None) -> EvidenceItem:
    changed = judged_again(before, fresh)
    assert changed is not None
    return changed.item


def test_what_no_root_believes_any_more_stays_verified_and_is_distrusted_with_the_reason() -> None:
    changed = judged_again(believed(), unbelieved())
    gone = signed("k1").model_copy(update={"distrusted": True})
    expected = {"distrusted": True, "problem": "key_distrusted", "signers": (gone,), "revision": 1}
    assert changed == Rejudgement(believed().model_copy(update=expected), "ci")
    assert changed is not None
    assert changed.item.standing is Standing.DISTRUSTED


def test_what_was_unverified_counts_once_a_root_believes_it() -> None:
    changed = again(unbelieved("no_trusted_signature"), believed(signed("k1", "new")))
    assert (changed.standing, changed.problem, changed.revision) == (Standing.VERIFIED, None, 1)
    assert changed.signers == (signed("k1", "new"),)


@pytest.mark.parametrize(
    ("before", "fresh"),
    [
        (believed(), believed()),
        (unbelieved("no_trusted_signature"), unbelieved("threshold_not_met")),
        (unbelieved(), None),
    ],
)
def test_the_same_answer_changes_nothing(before: EvidenceItem, fresh: EvidenceItem | None) -> None:
    assert judged_again(before, fresh) is None


def test_distrusted_evidence_stays_so_whatever_is_applied_later() -> None:
    distrusted = again(believed(), unbelieved())
    assert judged_again(distrusted, believed()) is None
    assert judged_again(distrusted, believed(signed("another key"))) is None


def test_one_lost_signer_is_marked_and_the_others_still_allow() -> None:
    both = believed(signed("k1"), signed("k2", "builders", "build"))
    changed = again(both, believed(signed("k1")))
    lost = signed("k2", "builders", "build").model_copy(update={"distrusted": True})
    assert changed.signers == (signed("k1"), lost)
    assert (changed.standing, changed.problem) == (Standing.VERIFIED, None)
    assert judged_again(changed, both) is None, "a lost signer is not believed again"
    nobody = again(changed, believed(signed("k2", "builders", "build")))
    assert (nobody.standing, nobody.problem, nobody.revision) == (Standing.DISTRUSTED, "key_distrusted", 2)


def test_a_key_that_moves_to_another_root_of_its_role_loses_nothing() -> None:
    moved = again(believed(), believed(signed("k1", "other-root")))
    assert (moved.signers, moved.standing) == ((signed("k1", "other-root"),), Standing.VERIFIED)
    renamed = again(believed(), believed(signed("k1", role="build")))
    assert {(signer.role, signer.distrusted) for signer in renamed.signers} == {("build", False), ("test", True)}


def test_what_cannot_be_read_any_more_allows_nothing() -> None:
    assert again(believed(), None).standing is Standing.DISTRUSTED


def test_no_trust_root_has_a_say_about_hallmarks_own_approvals() -> None:
    own = item("a1", approval("anna", sha256_digest(b"set")), signers=(signed("own", "hallmark"),))
    assert own.predicate_type == APPROVAL_TYPE
    assert judged_again(own, unbelieved()) is None


def test_what_it_counted_for_before_can_be_told_from_the_history() -> None:
    before = believed()
    after = again(before, unbelieved())
    was = earlier(before, NOW, "ci", 2)
    assert (was.until, was.trust_root, was.trust_root_revision) == (NOW, "ci", 2)
    kept = {name: getattr(was, name) for name in ("revision", "verified", "distrusted", "problem", "signers", "checks")}
    assert after.model_copy(update=kept) == before


SIGNERS = st.lists(st.builds(signed, st.sampled_from("abc"), st.sampled_from("xy"), st.sampled_from(["test", "build"])))


@pytest.mark.thorough
@given(SIGNERS, st.lists(SIGNERS, max_size=4))
def test_no_sequence_of_changes_takes_away_a_voice(first: list[Signer], later: list[list[Signer]]) -> None:
    held = believed(*dict.fromkeys(first)) if first else unbelieved()
    for signers in later:
        fresh = believed(*dict.fromkeys(signers)) if signers else unbelieved()
        changed = judged_again(held, fresh)
        if changed is None:
            continue
        now = changed.item
        assert now.revision == held.revision + 1
        assert {(s.key_id, s.role) for s in held.signers} <= {(s.key_id, s.role) for s in now.signers}
        trusted_again = {(s.key_id, s.role) for s in held.signers if s.distrusted} & {
            (s.key_id, s.role) for s in now.signers if not s.distrusted
        }
        assert not trusted_again
        assert now.made_at == held.made_at
        held = now
