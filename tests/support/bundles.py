"""A complete bundle without any server, made by the same domain code that the services run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from contracts.circumstances import Circumstances
from contracts.evidence.v1.commands import ApplyTrustRoot
from contracts.facts import ApprovalFacts, EvidenceItem, Signer
from contracts.gate.v1.commands import EvaluateGates
from contracts.gate.v1.views import VerdictView
from contracts.promotion.v1.events import PromotionCompleted, PromotionEnded
from contracts.registry.v1.views import VersionView
from contracts.vocabulary import Artifact, Criticality, Digest, PromotionKind, PromotionState, Role, utc
from services.evidence.domain import passage as attested
from services.evidence.domain.log import EntryKind, LogEntry
from services.evidence.domain.record import own_record, record_of
from services.gate import wire
from services.gate.equipment import GateEquipment
from services.gate.storage.dossiers import Held
from services.gateway.bundle import Bundle
from services.registry.domain.version import manifest_digest
from shared.crypto import dsse, keys, merkle, note
from shared.crypto.log_keys import handover_digest
from shared.digests import canonical_digest, canonical_json, sha256_digest
from shared.policy.dossier import Dossier
from shared.policy.policy import read_policy
from shared.policy.verdict import DecisionContext, decide
from shared.records import item_record, record_digest
from shared.trust import roots
from shared.trust import statement as in_toto
from shared.trust.rejudging import judged_again
from shared.trust.roots import TrustRoot
from shared.trust.statement import PAYLOAD_TYPE, Subject
from shared.trust.verification import judge

Files = dict[str, bytes]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORIGIN = "hallmark.example/log"
ARTIFACT = b"the wheel"
ARTIFACTS = (Artifact(purl="pkg:pypi/web@1.0", digest=sha256_digest(ARTIFACT)),)
DIGEST = manifest_digest("shop", "web", "1.0", artifacts=ARTIFACTS, nested=(), source=None)
SUBJECTS = [Subject(DIGEST, "shop/web/1.0"), Subject(ARTIFACTS[0].digest)]
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
VULNS = "https://in-toto.io/attestation/vulns/v0.2"
POLICY = {
    "apiVersion": "hallmark/v1",
    "kind": "Policy",
    "metadata": {"project": "shop", "name": "qa"},
    "spec": {
        "gates": [{"stage": "qa", "gate": "entry"}],
        "scope": {"criticality": ["high"], "labels": {"tier": "front"}},
        "mode": "block",
        "rules": [
            {"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "test", "max_age": "1d"},
            {"id": "scan", "title": "No critical finding", "kind": "vulnerability_limit", "max": {"critical": 0}},
            {"id": "asked", "title": "Somebody approved", "kind": "approvals", "role": "approver"},
        ],
    },
}


def signed_again(view: VerdictView, key: keys.PrivateKey) -> VerdictView:
    """A verdict that says something else, signed by the gate all the same."""
    said = wire.verdict_issued(view).model_dump(mode="json", exclude={"signature"})
    return view.model_copy(update={"signature": GateEquipment(key).sign(said)})


@dataclass
class Story:
    """What happened to one version, written down as the services write it down."""

    hallmark: keys.PrivateKey = field(default_factory=keys.generate)
    builder: keys.PrivateKey = field(default_factory=keys.generate)
    witness: keys.PrivateKey = field(default_factory=keys.generate)
    gate: keys.PrivateKey = field(default_factory=keys.generate)
    entries: list[tuple[LogEntry, bool]] = field(default_factory=list)
    bundle: Bundle = field(default_factory=lambda: Bundle(2**26, "shop"))
    items: list[EvidenceItem] = field(default_factory=list)
    minutes: int = 0
    signers: list[keys.PrivateKey] = field(default_factory=list)
    """The keys of Hallmark that have signed a statement."""
    former: list[tuple[keys.PrivateKey, keys.PrivateKey, int]] = field(default_factory=list)
    """Keys of Hallmark, those that followed them, and the size at which they did."""

    def tick(self) -> datetime:
        self.minutes += 1
        return NOW + timedelta(minutes=self.minutes)

    def log(
        self, kind: EntryKind, subject: str, digest: Digest, *, record: Digest | None = None, project: str = "shop"
    ) -> None:
        # Others write to the log too; their entries are not in the bundle.
        self.entries.append((LogEntry(EntryKind.POLICY, "other", None, "x", digest, recorded_at=NOW), False))
        at = NOW + timedelta(minutes=self.minutes)
        self.entries.append((LogEntry(kind, project, "web", subject, digest, recorded_at=at, record=record), True))

    def root(self, name: str = "test", **changes: Any) -> dict[str, Any]:
        """A trust root as it would be applied."""
        pem = keys.public_pem(self.builder.public_key())
        said: dict[str, Any] = {"project": "shop", "trust_root": name, "keys": [pem], "predicate_types": ["*"]}
        command = ApplyTrustRoot.model_validate({**said, "role": "test", "command_id": "c", **changes})
        return command.model_dump(mode="json", exclude={"command_id"})

    def trust_root(self, name: str = "test", **changes: Any) -> TrustRoot:
        applied = self.root(name, **changes)
        document = canonical_json(applied)
        self.tick()
        self.bundle.add_named("trust-roots", document, sha256_digest(document))
        self.log(EntryKind.TRUST_ROOT, name, sha256_digest(document), project=applied["project"])
        return roots.applied(applied)

    def policy(self) -> None:
        policy = read_policy(POLICY)
        self.bundle.add_named("policies", canonical_json(policy.normal_form()), policy.digest)
        self.log(EntryKind.POLICY, "qa", policy.digest)

    def evidence(
        self,
        root: TrustRoot,
        kind: str,
        predicate: Any,
        key: keys.PrivateKey | None = None,
        *,
        about: bytes = ARTIFACT,
        believed: bool = False,
        **lies: Any,
    ) -> None:
        statement = {
            "_type": in_toto.STATEMENT_TYPE,
            "subject": [{"digest": {"sha256": hashlib.sha256(about).hexdigest()}}],
            "predicateType": kind,
            "predicate": predicate,
        }
        data = dsse.sign(PAYLOAD_TYPE, json.dumps(statement).encode(), [key or self.builder])
        item = self.received(data, root)
        if believed:
            signer = Signer(key_id=root.keys[0].key_id, trust_root=root.name, role=root.role)
            item = item.model_copy(update={"verified": True, "problem": None, "signers": (signer,)})
        self.keep(data, item.model_copy(update=lies))

    def received(self, data: bytes, *roots: TrustRoot) -> EvidenceItem:
        """What an envelope or bundle is recorded as."""
        at = self.tick()
        return record_of("shop", data, judge(data, roots, at), at).item

    def rejudge(self, item: EvidenceItem, *roots: TrustRoot, **lies: Any) -> EvidenceItem:
        """Judge a piece of evidence again, as after a change of trust roots."""
        self.tick()
        data = self.bundle.files[f"envelopes/{item.content_digest.removeprefix('sha256:')}.json"]
        fresh = record_of("shop", data, judge(data, roots, item.received_at), item.received_at).item
        changed = judged_again(item, fresh)
        after = (changed.item if changed else item).model_copy(update=lies)
        self.items = [after if one == item else one for one in self.items]
        self.bundle.add_named("evidence", item_record(after), record_digest(after))
        self.log(EntryKind.JUDGEMENT, item.evidence_id, item.content_digest, record=record_digest(after))
        return after

    def approve(self, evidence_set: Digest, *, seen_as: dict[str, Any] | None = None, **lies: Any) -> None:
        at = self.tick()
        facts = ApprovalFacts(
            decision="approved", approver="bob", role=Role.APPROVER, stage="qa", evidence_set=evidence_set
        )
        signed = attested.approval_statement(SUBJECTS[:1], facts, at)
        data = self.envelope(signed)
        signer = Signer(key_id=keys.key_id(self.hallmark.public_key()), trust_root="hallmark", role="approver")
        item = own_record("shop", data, in_toto.parse(signed), signer, at).item
        self.keep(data, item.model_copy(update={"facts": facts.model_copy(update=lies), **(seen_as or {})}))

    def keep(self, data: bytes, item: EvidenceItem) -> None:
        self.items.append(item)
        self.bundle.add_named("evidence", item_record(item), record_digest(item))
        self.bundle.add_named("envelopes", data, item.content_digest)
        self.log(EntryKind.EVIDENCE, item.evidence_id, item.content_digest, record=record_digest(item))

    def envelope(self, statement: bytes) -> bytes:
        self.signers.append(self.hallmark)
        return dsse.sign(PAYLOAD_TYPE, statement, [self.hallmark], hints=False)

    def judged(self, promotion: str, passages: list[dict[str, Any]], **lies: Any) -> VerdictView:
        at = self.tick()
        policy = read_policy(POLICY)
        dossier = Dossier(
            project="shop",
            application="web",
            version="1.0",
            version_digest=DIGEST,
            artifacts=(ARTIFACTS[0].digest,),
            criticality=Criticality.HIGH,
            labels={"tier": "front"},
            items=tuple(self.items),
            circumstances=Circumstances(artifacts=tuple(sorted(ARTIFACTS, key=lambda one: one.digest))),
        )
        question = EvaluateGates.model_validate(
            {
                "project": "shop",
                "application": "web",
                "promotion_id": promotion,
                "attempt": 1,
                "version": "1.0",
                "version_digest": DIGEST,
                "passages": passages,
                "positions": {},
                "requested_by": "ann",
                "deadline": at,
            }
        )
        context = DecisionContext(f"vd-{promotion}-{self.minutes}", "ann")
        verdict = decide([policy], dossier, wire.passages_from(question.passages), context, at)
        held = Held(dossier, {one.evidence_id: record_digest(one) for one in dossier.items})
        view = wire.signed_view(question, verdict, held, GateEquipment(self.gate))
        if lies:
            view = signed_again(view.model_copy(update=lies), self.gate)
        self.gate_key(self.gate)
        self.bundle.add_json(f"verdicts/{view.verdict_id}.json", view.model_dump(mode="json"))
        announced = wire.verdict_issued(view).model_dump(mode="json")
        self.log(EntryKind.VERDICT, view.verdict_id, canonical_digest(announced))
        return view

    def gate_key(self, key: keys.PrivateKey) -> None:
        """Publish a key of the gate, once."""
        key_id = keys.key_id(key.public_key())
        path = f"gate-keys/{key_id.removeprefix('sha256:')}.json"
        if path not in self.bundle.files:
            self.bundle.add_json(path, {"pem": keys.public_pem(key.public_key())})
            self.log(EntryKind.KEY, key_id, key_id, project="*")

    def moved(self, verdict: VerdictView, from_stage: str | None, to_stage: str, **lies: Any) -> None:
        policies = "hallmark:shop/policies"
        passage = attested.Passage(
            subjects=tuple(SUBJECTS),
            verdict_id=verdict.verdict_id,
            verifier_id="https://hallmark.dev/gate",
            verifier_version="1",
            verified_at=verdict.judged_at,
            resource_uri=f"hallmark:shop/web/1.0@{to_stage}",
            policy_uri=policies,
            policy_digest=canonical_digest(sorted(verdict.policy_digests)),
            policies=tuple(attested.Resource(f"{policies}/{one}", one) for one in verdict.policy_digests),
            inputs=tuple(attested.Resource(one.evidence_id, one.content_digest) for one in verdict.evidence),
            passed=True,
            levels=attested.levels_of(
                to_stage,
                release=lies.get("release", False),
                trusted=verdict.may_be_trusted and not lies.pop("withheld", False),
            ),
            waivers=tuple(one.waiver_id for one in verdict.waivers),
            kind=PromotionKind(lies.pop("attested_kind", lies.get("kind", "promote"))),
        )
        own = vars(passage).keys() - {"waivers", "kind"}  # These belong to the promotion, too.
        passage = replace(passage, **{name: lies.pop(name) for name in own & lies.keys()})
        passage = replace(passage, waivers=lies.pop("attested_waivers", passage.waivers))
        result = replace(passage, levels=lies.pop("result_levels", passage.levels))
        both = (attested.result_statement(result), attested.passage_statement(passage))
        digests = [self.attest(EntryKind.PASSAGE, f"{verdict.promotion_id}|1", one) for one in both]
        if (why := lies.pop("withdrawn", None)) is not None:
            self.withdraw(verdict.promotion_id, digests[-1], **why)
        if lies.pop("never_moved", False):
            return
        said: dict[str, Any] = {
            "from_stage": from_stage,
            "to_stage": to_stage,
            "kind": "promote",
            "release": False,
            "replaced": None,
        }
        said |= {"trusted": verdict.may_be_trusted, "waivers": [one.waiver_id for one in verdict.waivers]}
        said |= {"passage_digest": digests[-1]} | lies
        self.ended(EntryKind.PROMOTION, PromotionCompleted, verdict, **said)

    def attest(self, kind: EntryKind, subject: str, statement: bytes) -> Digest:
        """Sign and log a statement about a passage."""
        data = self.envelope(statement)
        self.bundle.add_named("passages", data, sha256_digest(data))
        self.log(kind, subject, sha256_digest(data))
        return sha256_digest(data)

    def withdraw(self, promotion: str, passage: Digest, **lies: Any) -> None:
        """Say that a passage did not take place."""
        logged_as = lies.pop("logged_as", f"{promotion}|1")
        withdrawal = attested.Withdrawal(SUBJECTS[0], promotion, 1, passage, "the move was refused")
        statement = attested.withdrawal_statement(replace(withdrawal, **lies), self.tick())
        self.attest(EntryKind.WITHDRAWAL, logged_as, statement)

    def ended(
        self, entry: EntryKind, model: type[PromotionCompleted | PromotionEnded], verdict: VerdictView, **said: Any
    ) -> None:
        known = {"project": "shop", "application": "web", "version": "1.0", "version_digest": DIGEST}
        rest = {"promotion_id": verdict.promotion_id, "verdict_id": verdict.verdict_id, "requested_by": "ann"}
        event = model.model_validate(
            {**known, **rest, "reason": "", "requested_at": NOW, "at": self.tick(), "because": "said no", **said}
        )
        body = event.model_dump(mode="json")
        self.bundle.add_json(f"promotions/{event.promotion_id}.json", body)
        self.log(entry, event.promotion_id, canonical_digest(body))

    def rotate(self) -> None:
        """Hand over to a new key of Hallmark."""
        old, self.hallmark = self.hallmark, keys.generate()
        digest = handover_digest(ORIGIN, _line(old), _line(self.hallmark))
        self.log(EntryKind.KEY, _line(self.hallmark), digest, project="*")
        self.former.append((old, self.hallmark, len(self.entries)))

    def write(self, *, earlier: int = 3) -> Files:
        """The bundle's files; the log was `earlier` entries long when the auditor last looked."""
        nodes: dict[merkle.NodeId, bytes] = {}
        frontier = merkle.Frontier()
        roots = [frontier.root()]
        for entry, _ in self.entries:
            frontier, grown = frontier.append(entry.leaf())
            nodes |= {one.id: one.hash for one in grown}
            roots.append(frontier.root())
        size = len(self.entries)
        listed = [
            {"index": index, "entry": entry.canonical().decode(), "proof": _hexed(index, size, nodes)}
            for index, (entry, ours) in enumerate(self.entries)
            if ours
        ]
        proof = [_hex(one) for one in merkle.consistency_proof(earlier, size, nodes.__getitem__)]
        self.bundle.add_json("log/entries.json", {"entries": cast("Any", listed)})
        self.bundle.add_json("log/consistency.json", {"size": earlier, "root": _hex(roots[earlier]), "hashes": proof})
        in_force = [self.hallmark, *(old for old, _, until in self.former if until == size)]
        signed = note.sign_checkpoint(note.Checkpoint(ORIGIN, size, roots[size]), *in_force)
        self.bundle.add("checkpoint.note", signed + cosignature(signed, self.witness))
        self.bundle.add_json(
            "keys.json",
            {
                "signing_keys": sorted({keys.public_pem(one.public_key()) for one in self.signers}),
                "log_verifier_keys": [_line(one) for one in in_force],
                "log_origin": ORIGIN,
                "handovers": cast("Any", [self._handover(*one, roots, nodes) for one in self.former]),
            },
        )
        self.bundle.add_json(
            "manifest.json",
            {
                "v": 1,
                "project": "shop",
                "application": "web",
                "version": "1.0",
                "nested": [],
                "source": None,
                "artifacts": [{"digest": one.digest, "purl": one.purl} for one in ARTIFACTS],
            },
        )
        version = VersionView.model_validate(
            {
                "project": "shop",
                "application": "web",
                "version": "1.0",
                "digest": DIGEST,
                "artifacts": ARTIFACTS,
                "created_at": NOW,
                "created_by": "ann",
                "release_status": "pre_release",
                "lifecycle": (),
                "criticality": "high",
            }
        )
        self.earlier = note.sign_checkpoint(note.Checkpoint(ORIGIN, earlier, roots[earlier]), self.hallmark)
        return unpacked(self.bundle.zipped(version))

    def _handover(
        self,
        old: keys.PrivateKey,
        new: keys.PrivateKey,
        size: int,
        roots: list[bytes],
        nodes: Mapping[merkle.NodeId, bytes],
    ) -> dict[str, Any]:
        return {
            "old": _line(old),
            "new": _line(new),
            "index": size - 1,
            "entry": self.entries[size - 1][0].canonical().decode(),
            "hashes": _hexed(size - 1, size, nodes),
            "note": note.sign_checkpoint(note.Checkpoint(ORIGIN, size, roots[size]), old, new).decode(),
        }


def told(story: Story | None = None) -> Story:
    """Into dev through open gates; into qa denied once without tests, then allowed; with a stranger's evidence."""
    story = story or Story()
    root = story.trust_root()
    story.policy()
    first = story.judged("pr-dev", [{"stage": "dev", "gate": "entry", "open": True}])
    story.moved(first, None, "dev")
    way: list[dict[str, Any]] = [{"stage": "dev", "gate": "exit", "open": True}, {"stage": "qa", "gate": "entry"}]
    scan = {
        "scanner": {"uri": "scan", "result": [{"id": "CVE-1", "severity": [{"method": "CVSS_V3", "score": "7.5"}]}]},
        "metadata": {"scanStartedOn": utc(NOW), "scanFinishedOn": utc(NOW)},
    }
    story.evidence(root, VULNS, scan)
    story.evidence(root, TESTS, {"result": "FAILED", "configuration": [], "failedTests": ["t"]})
    denied = story.judged("pr-no", way)
    story.ended(EntryKind.REFUSAL, PromotionEnded, denied, kind="promote", to_stage="qa", state=PromotionState.DENIED)
    story.evidence(root, TESTS, {"result": "PASSED", "configuration": [], "passedTests": ["t"]})
    story.evidence(root, TESTS, {"result": "PASSED", "configuration": [], "passedTests": []}, keys.generate())
    waiting = story.judged("pr-qa", way)
    story.approve(waiting.evidence_set)
    allowed = story.judged("pr-qa", way)
    assert [one.outcome for one in (first, denied, waiting, allowed)] == ["allow", "deny", "pending", "allow"]
    story.moved(allowed, "dev", "qa")
    return story


def cosignature(signed: bytes, witness: keys.PrivateKey, name: str = "w.example") -> bytes:
    """The line that a witness adds to a checkpoint."""
    text = signed.decode().rpartition("\n\n")[0] + "\n"
    value = keys.sign(witness, f"cosignature/v1\ntime 1800000000\n{text}".encode())
    line = _witness_id(witness, name) + (1_800_000_000).to_bytes(8, "big") + value
    return f"— {name} {base64.b64encode(line).decode()}\n".encode()


def witness_key(witness: keys.PrivateKey, name: str = "w.example") -> str:
    """A witness's key as people hand it around."""
    return f"{name}+{_witness_id(witness, name).hex()}+{base64.b64encode(_typed(witness)).decode()}"


def _typed(witness: keys.PrivateKey) -> bytes:
    return b"\x04" + keys.public_der(witness.public_key())[-32:]


def _witness_id(witness: keys.PrivateKey, name: str) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _typed(witness)).digest()[:4]


def _line(private: keys.PrivateKey) -> str:
    return str(note.NoteKey(ORIGIN, private.public_key()))


def _hex(value: bytes) -> str:
    return f"sha256:{value.hex()}"


def _hexed(index: int, size: int, nodes: Mapping[merkle.NodeId, bytes]) -> list[str]:
    return [_hex(one) for one in merkle.inclusion_proof(index, size, nodes.__getitem__)]


def unpacked(data: bytes) -> Files:
    """The files in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Files, *, mend: bool = True) -> bytes:
    """An archive of these files; `mend` has the list of files and the names of digests fit again."""
    files = dict(files)
    if mend:
        files = dict(_renamed(path, content) for path, content in files.items())
        about = json.loads(files["bundle.json"])
        about["version_digest"] = sha256_digest(files.get("manifest.json", b""))
        about["files"] = [
            {"path": path, "sha256": sha256_digest(content).removeprefix("sha256:")}
            for path, content in sorted(files.items())
            if path != "bundle.json"
        ]
        files["bundle.json"] = canonical_json(about)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return written.getvalue()


def _renamed(path: str, content: bytes) -> tuple[str, bytes]:
    folder, _, _ = path.rpartition("/")
    if folder in {"evidence", "envelopes", "policies", "trust-roots", "passages"}:
        return f"{folder}/{sha256_digest(content).removeprefix('sha256:')}.json", content
    return path, content


def edited(pattern: str, change: Callable[[Any], None]) -> Callable[[Files], None]:
    """Changes the first JSON file whose path or content holds `pattern`, in its canonical form."""

    def edit(files: Files) -> None:
        inside = sorted(files.keys() - {"bundle.json"})
        path = next(path for path in inside if pattern in path or pattern.encode() in files[path])
        content = json.loads(files[path])
        change(content)
        files[path] = canonical_json(content)

    return edit


def without(pattern: str) -> Callable[[Files], None]:
    """Leaves out the first file whose path starts so."""

    def drop(files: Files) -> None:
        del files[next(path for path in sorted(files) if path.startswith(pattern))]

    return drop
