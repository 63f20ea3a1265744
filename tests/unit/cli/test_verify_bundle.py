"""A bundle verifies as it was written, and no change to it goes unnoticed, even when its own list is mended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.facts import Signer
from contracts.vocabulary import Outcome
from services.cli.verifier.verify import Report, Trust, verify_bundle
from services.evidence.domain.log import EntryKind
from shared.crypto import keys, note
from shared.trust import roots
from shared.trust.statement import Subject
from tests.support.bundles import (
    ARTIFACTS,
    DIGEST,
    NOW,
    ORIGIN,
    VULNS,
    Files,
    Story,
    edited,
    packed,
    told,
    without,
    witness_key,
)


@lru_cache
def written() -> tuple[Story, Files]:
    story = told()
    return story, story.write()


def everything_known() -> Trust:
    story, _ = written()
    return Trust(
        log_keys=(str(note.NoteKey(ORIGIN, story.hallmark.public_key())),),
        signing_keys=(keys.public_pem(story.hallmark.public_key()),),
        witnesses=(witness_key(story.witness),),
        quorum=1,
        since=story.earlier,
    )


def failure(report: Report) -> tuple[str, str]:
    """The check that failed, which is the last one, and what it says."""
    assert not report.passed
    assert all(check.passed for check in report.checks[:-1])
    return report.checks[-1].name, report.checks[-1].detail


def test_an_auditor_verifies_a_bundle_with_proof_checkpoint_cosignatures_and_keys_and_no_server() -> None:
    """Abuse case 79."""
    _, files = written()
    report = verify_bundle(packed(files, mend=False), everything_known())
    assert report.passed, report.as_json()
    assert len(report.checks) == 7
    state = next(check.detail for check in report.checks if check.name == STATE)
    assert "cosigned by w.example" in state
    assert "only grew since it had 3 entries" in state
    assert verify_bundle(packed(files)).passed, "mending the list of an unchanged bundle changes nothing"


STATE = "the log holds its entries"
LOGGED = "the evidence is signed and logged"
VERDICT = "every verdict comes out the same"
MOVES = "every move was allowed"
STRANGER = keys.generate()
OTHERS: dict[str, tuple[Trust, str, str]] = {
    "log key": (
        Trust(log_keys=(str(note.NoteKey(ORIGIN, STRANGER.public_key())),)),
        STATE,
        "no known key",
    ),
    "signing key": (
        Trust(signing_keys=(keys.public_pem(STRANGER.public_key()),)),
        "the evidence is signed and logged",
        "not signed by Hallmark",
    ),
    "witness": (
        Trust(witnesses=(witness_key(STRANGER),), quorum=1),
        STATE,
        "0 known witnesses",
    ),
    "quorum": (Trust(quorum=1), STATE, "0 known witnesses"),
    "earlier state": (
        Trust(since=note.sign_checkpoint(note.Checkpoint(ORIGIN, 3, b"x" * 32), STRANGER)),
        STATE,
        "no known key",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_keys_from_elsewhere_win_over_those_in_the_bundle(what: str) -> None:
    trust, name, words = OTHERS[what]
    found = failure(verify_bundle(packed(written()[1]), trust))
    assert found[0] == name
    assert words in found[1]


def test_a_forked_log_does_not_extend_the_state_that_was_kept() -> None:
    story, files = written()
    fork = note.sign_checkpoint(note.Checkpoint(ORIGIN, 3, b"x" * 32), story.hallmark)
    assert "no proof since your state of 3" in failure(verify_bundle(packed(files), Trust(since=fork)))[1]
    later = note.sign_checkpoint(note.Checkpoint(ORIGIN, 1000, b"x" * 32), story.hallmark)
    assert "no proof since your state of 1000" in failure(verify_bundle(packed(files), Trust(since=later)))[1]


CHANGES: dict[str, tuple[Callable[[Files], None], str]] = {
    "another artifact": (edited("manifest.json", lambda it: it["artifacts"][0].update(purl="pkg:pypi/x@1")), LOGGED),
    "another name": (edited("manifest.json", lambda it: it.update(version="2.0")), "the version is its manifest"),
    "a kinder verdict": (edited('"deny"', lambda it: it.update(outcome="allow")), VERDICT),
    "a verdict without some evidence": (edited('"deny"', lambda it: it["considered"].pop()), VERDICT),
    "another requester": (edited("verdicts/", lambda it: it.update(requested_by="eve")), VERDICT),
    "a lower criticality": (edited("verdicts/", lambda it: it.update(criticality="low")), VERDICT),
    "a softer policy": (edited("policies/", lambda it: it["spec"].update(mode="warn")), VERDICT),
    "better tests": (edited('"failed_names":["t"]', lambda it: it["facts"].update(result="passed")), LOGGED),
    "evidence that is said to count": (edited('"verified":false', lambda it: it.update(verified=True)), LOGGED),
    "a trust root for everything": (edited("trust-roots/", lambda it: it.update(threshold=0)), LOGGED),
    "a missing trust root": (without("trust-roots/"), LOGGED),
    "a missing envelope": (without("envelopes/"), LOGGED),
    "missing evidence": (without("evidence/"), LOGGED),
    "a missing passage": (without("passages/"), MOVES),
    "a missing verdict": (without("verdicts/vd-pr-dev"), MOVES),
    "a missing verdict that nothing rests on": (without("verdicts/vd-pr-no"), "nothing is left over"),
    "a missing policy": (without("policies/"), VERDICT),
    "a missing refusal": (without("promotions/pr-no"), "nothing is left over"),
    "a move elsewhere": (edited("promotions/pr-qa", lambda it: it.update(to_stage="prod")), MOVES),
    "no log entry": (edited("log/entries", lambda it: it["entries"].clear()), STATE),
    "an entry twice": (
        edited("log/entries", lambda it: it["entries"].append(it["entries"][0])),
        STATE,
    ),
    "an entry less": (edited("log/entries", lambda it: it["entries"].pop(0)), LOGGED),
    "another proof": (
        edited("log/entries", lambda it: it["entries"][0]["proof"].__setitem__(0, ARTIFACTS[0].digest)),
        STATE,
    ),
    "an entry that says something else": (
        edited("log/entries", lambda it: it["entries"][0].update(entry=it["entries"][1]["entry"])),
        STATE,
    ),
    "another spelling": (lambda files: files.update({"keys.json": files["keys.json"] + b"\n"}), STATE),
    "another past": (
        edited("log/consistency", lambda it: it["hashes"].__setitem__(0, ARTIFACTS[0].digest)),
        STATE,
    ),
    "another place": (edited("log/entries", lambda it: it["entries"][0].update(index=0)), STATE),
    "another key beside": (
        edited("keys.json", lambda it: it["signing_keys"].append(keys.public_pem(STRANGER.public_key()))),
        "nothing is left over",
    ),
    "no key of the log": (edited("keys.json", lambda it: it["log_verifier_keys"].clear()), STATE),
    "another field beside": (edited("keys.json", lambda it: it.update(more=[])), STATE),
    "entries in another order": (edited("log/entries", lambda it: it["entries"].reverse()), STATE),
    "a cosignature less": (
        lambda files: files.update({"checkpoint.note": files["checkpoint.note"].rpartition("— w.".encode())[0]}),
        STATE,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_kind_of_change_is_named_by_the_check_that_it_breaks(what: str) -> None:
    change, name = CHANGES[what]
    files = dict(written()[1])
    change(files)
    assert failure(verify_bundle(packed(files), everything_known()))[0] == name
    assert not verify_bundle(packed(files, mend=False), everything_known()).passed


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_byte_of_any_file_can_be_changed(data: st.DataObject) -> None:
    _, files = written()
    path = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[path]) - 1))
    flipped = bytearray(files[path])
    flipped[place] ^= data.draw(st.integers(1, 255))
    # The list of files cannot be mended by itself: there is nothing that it could be mended from.
    archive = packed({**files, path: bytes(flipped)}, mend=path != "bundle.json")
    report = verify_bundle(archive, everything_known())
    assert not report.passed, (path, place)
    assert report.checks[-1].detail


def signed_by(key: keys.PrivateKey) -> dict[str, Any]:
    return {"keys": [keys.public_pem(key.public_key())]}


def rooted(*, then: dict[str, Any] | None = None, **root: Any) -> Report:
    """What is said of evidence that a root counted, when the log says that the root was this one."""
    story = Story()
    story.trust_root(**root)
    if then is not None:
        story.trust_root(**then)
    scan = {"scanner": {"uri": "s"}, "metadata": {"scanStartedOn": "2026-11-20T12:00:00Z"}}
    story.evidence(roots.applied(story.root()), VULNS, scan)
    return verify_bundle(packed(story.write(earlier=1)))


def test_evidence_counts_by_the_revision_of_its_root_that_was_in_force() -> None:
    stranger = keys.generate()
    assert rooted().passed
    wrong: dict[str, dict[str, Any]] = {
        "another key": signed_by(stranger),
        "another type": {"predicate_types": ["https://example.com/other"]},
        "another role": {"role": "build"},
        "not valid yet": {"valid_from": NOW + timedelta(days=1)},
        "distrusted before": {"distrust_after": NOW - timedelta(days=1)},
    }
    for what, root in wrong.items():
        name, detail = failure(rooted(**root))
        assert (name, "the trust roots in force" in detail) == (LOGGED, True), what
        replaced = failure(rooted(then=root))
        assert replaced[0] == LOGGED, f"{what}, by the newest revision"


WAY = [{"stage": "dev", "gate": "entry", "open": True}]
CLOSED_QA = [{"stage": "qa", "gate": "entry"}]
PASSED = {"result": "PASSED", "configuration": [], "passedTests": ["t"]}


def lying(tell: Callable[[Story], None]) -> Report:
    """What is said of a story that Hallmark itself has written into its log and signed, lies and all."""
    story = Story()
    story.policy()
    tell(story)
    return verify_bundle(packed(story.write(earlier=1)))


def judged_falsely(**lies: Any) -> Callable[[Story], None]:
    return lambda story: story.moved(story.judged("pr", WAY, **lies), None, "dev")


def moved_falsely(**lies: Any) -> Callable[[Story], None]:
    return lambda story: story.moved(story.judged("pr", WAY), None, "dev", **lies)


def twice_moved(story: Story) -> None:
    story.moved(story.judged("pr-1", WAY), None, "dev")
    story.moved(story.judged("pr-2", [{"stage": "later", "gate": "entry", "open": True}]), None, "later")


def on_a_denial(story: Story) -> None:
    story.moved(story.judged("pr", CLOSED_QA), None, "qa")


def on_the_verdict_of_another(story: Story) -> None:
    verdict = story.judged("pr-1", WAY)
    story.moved(verdict.model_copy(update={"promotion_id": "pr-2"}), None, "dev")


def before_its_passage(story: Story) -> None:
    story.moved(story.judged("pr", WAY), None, "dev")
    # The last entry is about the move, the one before belongs to somebody else.
    story.entries.insert(2, story.entries.pop())


def by_another_approver(story: Story) -> None:
    story.approve(story.judged("pr", WAY).evidence_set, approver="eve")


ROLE = "approver"
OWN_KEY = keys.generate()
OWN = {"key_id": keys.key_id(OWN_KEY.public_key()), "trust_root": "hallmark"}


def approved_as(**seen_as: Any) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        story.hallmark = OWN_KEY
        story.approve(story.judged("pr", WAY).evidence_set, seen_as=seen_as)

    return tell


def approved_by_a_root(story: Story) -> None:
    """A project's key signs an approval, and the log says that it counts."""
    root = story.trust_root()
    story.evidence(root, "https://hallmark.dev/attestation/approval/v1", PASSED, believed=True)


def signed_by_too_few(story: Story) -> None:
    pems = [keys.public_pem(key.public_key()) for key in (STRANGER, story.builder)]
    root = story.trust_root(keys=pems[::-1], threshold=2)
    story.evidence(root, VULNS, PASSED, believed=True)


def trusted_afterwards(story: Story) -> None:
    story.evidence(roots.applied(story.root()), VULNS, PASSED)
    story.trust_root()


def approved_by_a_stranger(story: Story) -> None:
    hallmark, story.hallmark = story.hallmark, STRANGER
    story.approve(ARTIFACTS[0].digest)
    story.hallmark = hallmark
    story.signers.clear()


def logged_for_another_envelope(story: Story) -> None:
    story.evidence(story.trust_root(), VULNS, PASSED)
    entry, ours = story.entries.pop()
    story.entries.append((replace(entry, digest=ARTIFACTS[0].digest), ours))


def called_by_another_type(story: Story) -> None:
    story.evidence(story.trust_root(), VULNS, PASSED, predicate_type="https://example.com/other")


def logged_under_another_name(story: Story) -> None:
    story.evidence(story.trust_root(), VULNS, PASSED)
    entry, ours = story.entries.pop()
    story.entries.append((replace(entry, subject="ev-another"), ours))


def logged_as_something_else(story: Story) -> None:
    story.evidence(story.trust_root(), VULNS, PASSED)
    entry, ours = story.entries.pop()
    story.entries.append((replace(entry, kind=EntryKind.POLICY), ours))


def logged_in_another_project(story: Story) -> None:
    story.evidence(story.trust_root(), VULNS, PASSED)
    entry, ours = story.entries.pop()
    story.entries.append((replace(entry, project="other"), ours))


def about_something_else(story: Story) -> None:
    story.evidence(story.trust_root(), VULNS, PASSED, about=b"another wheel", believed=True)


def signed_by_somebody_else(story: Story) -> None:
    """Two keys are in the root, one has signed, and the other is named."""
    pems = [keys.public_pem(key.public_key()) for key in (STRANGER, story.builder)]
    story.evidence(story.trust_root(keys=pems), VULNS, PASSED, believed=True)


LIES: dict[str, tuple[Callable[[Story], None], str]] = {
    "a denial that is called an allowance": (
        lambda story: story.moved(story.judged("pr", CLOSED_QA, outcome=Outcome.ALLOW), None, "qa"),
        VERDICT,
    ),
    "a verdict without its findings": (
        lambda story: story.moved(story.judged("pr", CLOSED_QA, findings=(), outcome=Outcome.ALLOW), None, "qa"),
        VERDICT,
    ),
    "a verdict that lasts longer": (judged_falsely(expires_at=NOW + timedelta(days=9)), VERDICT),
    "a verdict on other evidence": (judged_falsely(considered_digest=ARTIFACTS[0].digest), VERDICT),
    "a verdict that pins nothing": (judged_falsely(considered_digest=None), VERDICT),
    "a move on a denial": (on_a_denial, MOVES),
    "a move on somebody else's verdict": (on_the_verdict_of_another, MOVES),
    "a move by somebody else": (moved_falsely(requested_by="eve"), MOVES),
    "a release without its gate": (moved_falsely(release=True), MOVES),
    "a move through another gate": (lambda story: story.moved(story.judged("pr", WAY), None, "prod"), MOVES),
    "a move that begins elsewhere": (twice_moved, MOVES),
    "a move before its passage": (before_its_passage, MOVES),
    "a move of another version": (moved_falsely(version_digest=ARTIFACTS[0].digest), MOVES),
    "a passage of another verdict": (moved_falsely(verdict_id="vd-other"), MOVES),
    "a passage to another stage": (moved_falsely(resource_uri="hallmark:shop/web/1.0@prod"), MOVES),
    "a passage at another time": (moved_falsely(verified_at=NOW), MOVES),
    "a passage under another policy": (moved_falsely(policy_digest=ARTIFACTS[0].digest), MOVES),
    "a passage of another artifact": (moved_falsely(subjects=(Subject(DIGEST),)), LOGGED),
    "an approval by somebody else": (by_another_approver, LOGGED),
    "an approval in another role": (approved_as(signers=(Signer(**OWN, role="admin"),)), LOGGED),
    "an approval by somebody else's key": (
        approved_as(signers=(Signer(**{**OWN, "key_id": DIGEST}, role=ROLE),)),
        LOGGED,
    ),
    "an approval of something else": (approved_as(subjects=(DIGEST, ARTIFACTS[0].digest)), LOGGED),
    "an approval by a project's key": (approved_by_a_root, LOGGED),
    "evidence by a key that did not sign": (signed_by_somebody_else, LOGGED),
    "evidence signed by too few": (signed_by_too_few, LOGGED),
    "evidence that was trusted afterwards": (trusted_afterwards, LOGGED),
    "an approval by a stranger's key": (approved_by_a_stranger, LOGGED),
    "evidence that was logged for another envelope": (logged_for_another_envelope, LOGGED),
    "evidence of another type": (called_by_another_type, LOGGED),
    "evidence that was logged under another name": (logged_under_another_name, LOGGED),
    "evidence that was logged as something else": (logged_as_something_else, LOGGED),
    "evidence that was logged in another project": (logged_in_another_project, LOGGED),
    "evidence about something else": (about_something_else, LOGGED),
}


@pytest.mark.parametrize("what", LIES)
def test_what_hallmark_itself_signed_and_logged_is_not_believed_when_it_is_false(what: str) -> None:
    tell, name = LIES[what]
    assert failure(lying(tell))[0] == name


def test_a_story_without_a_lie_verifies() -> None:
    for tell in (moved_falsely(), approved_as(signers=(Signer(**OWN, role=ROLE),))):
        report = lying(tell)
        assert report.passed, report.as_json()
