"""Evidence in a bundle counts as it did on intake: whoever signed it, in whatever form, and whatever came after."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contracts.facts import EvidenceItem, Signer
from contracts.promotion.v1.events import PromotionEnded
from contracts.vocabulary import PromotionState
from services.cli.verifier.verify import Report, verify_bundle
from services.evidence.domain.log import EntryKind
from shared.crypto import dsse, keys
from shared.trust import roots
from shared.trust.roots import TrustRoot
from shared.trust.statement import PAYLOAD_TYPE, SIGNATURE_TYPE
from tests.support.bundles import ARTIFACT, ARTIFACTS, VULNS, Files, Story, packed, told
from tests.support.sigstore import ISSUER, WORKFLOW, Instance, a_body, a_bundle, an_envelope, b64

LOGGED = "the evidence is signed and logged"
WAY = [{"stage": "dev", "gate": "entry", "open": True}]
INSTANCE = Instance()
STRANGER = keys.generate()
PAYLOAD = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": hashlib.sha256(ARTIFACT).hexdigest()}}],
        "predicateType": VULNS,
        "predicate": {"scanner": {"uri": "s"}, "metadata": {"scanStartedOn": "2026-11-20T12:00:00Z"}},
    }
).encode()


def verified(tell: Callable[[Story], Any]) -> Report:
    """What is said of a story that ends with a move through open gates."""
    story = Story()
    story.policy()
    tell(story)
    story.moved(story.judged("pr", WAY), None, "dev")
    return verify_bundle(packed(story.write(earlier=1)))


def refused(report: Report) -> str:
    """What is said of evidence that does not count as it says."""
    assert report.checks[-1].name == LOGGED, report.as_json()
    assert not report.passed
    return report.checks[-1].detail


def keyless(**changes: Any) -> dict[str, Any]:
    identity = {"issuer": ISSUER, "subject": WORKFLOW}
    return {"keys": [], "authority": INSTANCE.trusted_root(), "identities": [identity], "role": "build", **changes}


def certified_bundle() -> bytes:
    signer = INSTANCE.certify()
    envelope = an_envelope(PAYLOAD, signer.private)
    entry = INSTANCE.entry(a_body("dsse", "0.0.1", envelope, signer))
    return json.dumps(a_bundle({"dsseEnvelope": envelope}, [entry], der=signer.der)).encode()


def signed(*privates: keys.PrivateKey) -> bytes:
    return dsse.sign(PAYLOAD_TYPE, PAYLOAD, privates)


def attached(story: Story, data: bytes, *by: TrustRoot, **lies: Any) -> EvidenceItem:
    item = story.received(data, *by).model_copy(update=lies)
    story.keep(data, item)
    return item


def test_a_certificate_vouches_offline_by_own_and_by_shared_roots() -> None:
    for where in ({}, {"project": "platform", "shared": True}):
        seen: list[EvidenceItem] = []

        def tell(story: Story, where: dict[str, Any] = where, seen: list[EvidenceItem] = seen) -> None:
            story.trust_root("release", **keyless(**where))
            seen.append(attached(story, certified_bundle(), roots.applied(story.root("release", **keyless(**where)))))

        report = verified(tell)
        assert report.passed, report.as_json()
        assert seen[0].signers[0].identity == WORKFLOW
        assert "1 count, by their signatures" in str(report.as_json())


def test_a_certificate_is_checked_as_on_intake() -> None:
    """What is said to count is refused when the log's root means somebody else, or an altered bundle is shown."""
    believed = roots.applied(Story().root("release", **keyless()))

    def told_by(data: bytes, **root: Any) -> Callable[[Story], None]:
        def tell(story: Story) -> None:
            story.trust_root("release", **keyless(**root))
            honest = story.received(certified_bundle(), believed)
            attached(story, data, believed, verified=True, problem=None, signers=honest.signers)

        return tell

    another = {"identities": [{"issuer": ISSUER, "subject": "https://github.com/eve/shop/x@refs/tags/v1"}]}
    refused(verified(told_by(certified_bundle(), **another)))
    refused(verified(told_by(certified_bundle(), authority=Instance().trusted_root())))
    altered = json.loads(certified_bundle())
    altered["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]["signedEntryTimestamp"] = b64(b"x" * 70)
    refused(verified(told_by(json.dumps(altered).encode())))
    assert verified(told_by(certified_bundle())).passed


def test_an_artifact_s_own_signature_counts_offline() -> None:
    key = keys.generate(keys.Algorithm.ECDSA_P256)
    root: dict[str, Any] = {"keys": [keys.public_pem(key.public_key())], "predicate_types": [SIGNATURE_TYPE]}
    said = {
        "messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(ARTIFACT).digest())},
        "signature": b64(keys.sign(key, ARTIFACT)),
    }
    data = json.dumps(a_bundle({"messageSignature": said}, [], der=None)).encode()
    report = verified(lambda story: attached(story, data, story.trust_root(**root)))
    assert report.passed, report.as_json()


@pytest.mark.parametrize("form", ["jwk", "der"])
def test_keys_count_in_every_form_and_together(form: str) -> None:
    pair = [keys.generate(), keys.generate(keys.Algorithm.ECDSA_P256)]

    def spelt(private: keys.PrivateKey) -> str:
        der = keys.public_der(private.public_key())
        if form == "der" or private is pair[1]:
            return b64(der)
        x = base64.urlsafe_b64encode(der[-32:]).decode().rstrip("=")
        return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": x})

    root: dict[str, Any] = {"keys": [spelt(one) for one in pair], "threshold": 2}
    report = verified(lambda story: attached(story, signed(*pair), story.trust_root(**root)))
    assert "1 count, by their signatures" in str(report.as_json())
    one_of_two = {**root, "threshold": 1}

    def too_few(story: Story) -> None:
        story.trust_root(**root)
        attached(story, signed(pair[0]), roots.applied(story.root(**one_of_two)))

    refused(verified(too_few))


def test_evidence_that_a_root_believes_cannot_be_called_unverified() -> None:
    """Who hides a failed scan from the gates opens them."""

    def hidden(story: Story) -> None:
        story.trust_root()
        attached(story, signed(story.builder))

    assert "in force" in refused(verified(hidden))
    for standing in ({"verified": False}, {"distrusted": True}, {"signers": ()}):

        def tell(story: Story, standing: dict[str, Any] = standing) -> None:
            attached(story, signed(story.builder), story.trust_root(), **standing)

        assert "in force" in refused(verified(tell)), standing


def test_a_shared_root_of_another_project_may_have_counted_and_never_must() -> None:
    def tell(story: Story) -> None:
        story.trust_root(project="platform", shared=True)
        attached(story, signed(story.builder))

    assert verified(tell).passed


def test_a_root_of_another_project_counts_only_when_it_is_shared() -> None:
    def tell(story: Story) -> None:
        attached(story, signed(story.builder), story.trust_root(project="platform"))

    assert "not shared" in refused(verified(tell))


def test_evidence_may_have_been_judged_by_a_root_that_was_replaced_in_the_same_moment() -> None:
    def tell(late: int) -> Callable[[Story], None]:
        def story_of(story: Story) -> None:
            before = story.trust_root()
            story.trust_root(keys=[keys.public_pem(STRANGER.public_key())])
            story.minutes += late
            attached(story, signed(story.builder), before)

        return story_of

    assert verified(tell(-1)).passed
    refused(verified(tell(0)))


def distrusted(story: Story) -> list[EvidenceItem]:
    """The key that vouched for all evidence leaves its root; everything is judged again."""
    root = story.trust_root(keys=[keys.public_pem(STRANGER.public_key())])
    ours = [item for item in story.items if item.verified and item.facts.kind != "approval"]
    return [story.rejudge(item, root) for item in ours]


def afterwards() -> tuple[Story, Files]:
    story = told()
    assert len(distrusted(story)) == 3
    later = story.judged("pr-later", [{"stage": "qa", "gate": "entry"}])
    assert later.outcome == "pending"
    story.ended(EntryKind.REFUSAL, PromotionEnded, later, kind="promote", to_stage="qa", state=PromotionState.DENIED)
    return story, story.write()


def test_verdicts_from_before_and_after_a_distrust_come_out_the_same() -> None:
    _, files = afterwards()
    report = verify_bundle(packed(files))
    assert report.passed, report.as_json()
    assert "1 count, by their signatures; 3 are distrusted" in str(report.as_json())


def test_neither_what_it_counted_for_before_nor_the_judgement_can_be_left_out() -> None:
    _, files = afterwards()
    forms = [path for path in files if path.startswith("evidence/") and b'"trust_root":"test"' in files[path]]
    assert len(forms) == 6
    for path in forms:
        assert not verify_bundle(packed({name: data for name, data in files.items() if name != path})).passed


def judged_falsely(**lies: Any) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        item = attached(story, signed(story.builder), story.trust_root())
        root = story.trust_root(keys=[keys.public_pem(STRANGER.public_key())])
        story.rejudge(item, root, **lies)

    return tell


def still_believed(story: Story) -> None:
    item = attached(story, signed(story.builder), story.trust_root())
    story.trust_root(keys=[keys.public_pem(STRANGER.public_key())])
    story.rejudge(item, roots.applied(story.root(role="build")))


def believed_again(story: Story) -> None:
    before = story.trust_root()
    item = attached(story, signed(story.builder), before)
    gone = story.rejudge(item, story.trust_root(keys=[keys.public_pem(STRANGER.public_key())]))
    story.trust_root()
    standing = {"distrusted": False, "problem": None, "signers": item.signers, "revision": 2}
    story.rejudge(gone, before, **standing)


def born_distrusted(story: Story) -> None:
    """Evidence by nobody, made up to speak against a version."""
    root = story.trust_root(keys=[keys.public_pem(STRANGER.public_key())])
    by = Signer(key_id=root.keys[0].key_id, trust_root=root.name, role=root.role, distrusted=True)
    attached(story, signed(story.builder), verified=True, distrusted=True, signers=(by,))


def without_what_was_before(story: Story) -> None:
    """Believed since a judgement; what it was before is left out together with its log entry."""
    attached(story, signed(story.builder), story.trust_root(), revision=1)
    logged_as(story, EntryKind.JUDGEMENT)


def logged_as(story: Story, kind: EntryKind) -> None:
    entry, ours = story.entries.pop()
    story.entries.append((replace(entry, kind=kind), ours))


def judged_before_it_came(story: Story) -> None:
    root = story.trust_root(project="platform", shared=True)
    story.rejudge(attached(story, signed(story.builder)), root)
    story.entries[-3], story.entries[-1] = story.entries[-1], story.entries[-3]


def an_approval(story: Story) -> None:
    story.approve(ARTIFACTS[0].digest)
    story.rejudge(story.items[-1], revision=1)


def not_called_a_judgement(story: Story) -> None:
    item = attached(story, signed(story.builder))
    story.rejudge(item, story.trust_root())
    logged_as(story, EntryKind.EVIDENCE)


FALSE_JUDGEMENTS: dict[str, Callable[[Story], None]] = {
    "it skips a judgement": judged_falsely(revision=2),
    "its denial is forgotten": judged_falsely(verified=False, distrusted=False, signers=()),
    "it still allows": judged_falsely(distrusted=False),
    "it says something else": judged_falsely(predicate_type="https://example.com/other"),
    "nobody believes its signer": still_believed,
    "it is believed again": believed_again,
    "it was never believed": born_distrusted,
    "it follows on nothing": without_what_was_before,
    "it comes before what it judges": judged_before_it_came,
    "it is about an approval": an_approval,
    "it is logged as evidence": not_called_a_judgement,
}


@pytest.mark.parametrize("what", FALSE_JUDGEMENTS)
def test_a_false_judgement_is_not_believed(what: str) -> None:
    refused(verified(FALSE_JUDGEMENTS[what]))


def test_a_true_judgement_is_believed() -> None:
    assert verified(judged_falsely()).passed

    def late(story: Story) -> None:
        item = attached(story, signed(story.builder))
        assert story.rejudge(item, story.trust_root()).verified

    assert verified(late).passed


def test_roots_are_read_as_they_were_applied() -> None:
    story = Story()
    limited = {"valid_from": "2026-11-01T00:00:00Z", "distrust_after": "2026-12-01T00:00:00+00:00"}
    applied = story.root("limits", project="platform", shared=True, threshold=1, **limited)
    root = roots.applied(applied)
    assert (root.project, root.threshold, root.role) == (None, 1, "test")
    assert (root.valid_from.isoformat(), str(root.distrust_after)) == (
        "2026-11-01T00:00:00+00:00",
        "2026-12-01 00:00:00+00:00",
    )
    own = {name: value for name, value in applied.items() if name not in {"shared", "authority", "identities"}}
    assert replace(root, project="platform") == roots.applied(own), "documents from before these fields existed"
