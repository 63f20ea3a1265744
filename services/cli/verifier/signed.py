"""What was signed: evidence by those whom the project trusted, approvals and passages by Hallmark.

- A signer counts when a revision of the trust root named, in force when the evidence was logged, holds the key, allows
  the predicate type, was valid on receipt, and enough of its keys signed.
- Trust roots are those of the log. Hallmark's own keys are yours when you give some, else the bundle's.
- What a Sigstore certificate vouches for cannot be checked here yet, and fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from contracts.facts import ApprovalFacts, EvidenceItem, Signer
from services.cli.verifier.log import Entry, Log
from services.cli.verifier.reading import Bundle, WrongError
from shared.crypto import dsse, keys, strict_json
from shared.digests import canonical_digest, sha256_digest
from shared.records import read_item

OWN_ROOT = "hallmark"
APPROVAL_TYPE = "https://hallmark.dev/attestation/approval/v1"
SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1"
RESULT_TYPE = "https://in-toto.io/attestation/svr/v0.2"
_AT_THE_SAME_TIME = timedelta(seconds=10)
"""A root that was replaced just before may still have been read: its entry and the evidence's raced each other."""


class Revision(NamedTuple):
    """One revision of a trust root, with its place in the log."""

    entry: Entry
    document: dict[str, Any]


class Attested(NamedTuple):
    """One statement of Hallmark about a passage, with its place in the log."""

    digest: str
    place: int
    """Its index in the log."""
    predicate: dict[str, Any]


class Signed:
    """Whose signatures count, and the statements that they stand under."""

    def __init__(self, bundle: Bundle, log: Log, given: Sequence[str]) -> None:
        self._bundle, self._log = bundle, log
        listed: list[str] = bundle.json("keys.json")["signing_keys"]
        if [keys.public_pem(keys.load_public(pem)) for pem in listed] != listed:
            raise WrongError("a signing key is spelt in an unusual way")
        self._own = {keys.key_id(public): public for public in map(keys.load_public, given or listed)}
        self._listed = {keys.key_id(keys.load_public(pem)) for pem in listed}
        self._signed: set[str] = set()
        self._roots: dict[str, list[Revision]] = {}
        for path, _ in bundle.folder("trust-roots"):
            document = bundle.json(path)
            for entry in log.about(canonical_digest(document), "trust_root", subject=document["trust_root"]):
                self._roots.setdefault(entry.subject, []).append(Revision(entry, document))
        for revisions in self._roots.values():
            revisions.sort(key=lambda one: one.entry.place)
        self.passages = dict(self._passages())
        """By attempt of a promotion and predicate type."""

    def evidence(self) -> dict[str, EvidenceItem]:
        """Every item by the digest of its record, each checked. Raises `WrongError`."""
        items, envelopes = {}, set()
        for path, name in self._bundle.folder("evidence"):
            self._bundle.json(path)
            item = read_item(self._bundle.files[path])
            record = f"sha256:{name}"
            entry = self._log.about(record, "evidence", "approval", "judgement", subject=item.evidence_id)[0]
            if entry.digest != item.content_digest:
                raise WrongError(f"{path} is about another envelope than its log entry")
            envelopes.add(self._check_item(path, item, entry))
            items[record] = item
        if envelopes != {name for _, name in self._bundle.folder("envelopes")}:
            raise WrongError("an envelope is about no evidence in the bundle")
        return items

    def _passages(self) -> Iterator[tuple[tuple[str, str], Attested]]:
        for path, name in self._bundle.folder("passages"):
            envelope = dsse.parse(self._bundle.files[path])
            if not self._by_hallmark(envelope):
                raise WrongError(f"{path} is not signed by Hallmark")
            statement = _statement(envelope)
            if _subjects(statement) != self._bundle.subjects:
                raise WrongError(f"{path} is about something else")
            entry = self._log.about(f"sha256:{name}", "passage")[0]
            yield (
                (entry.subject, statement["predicateType"]),
                Attested(f"sha256:{name}", entry.place, statement["predicate"]),
            )

    def check_keys_used(self) -> str:
        """Raises `WrongError` for a listed key that signed nothing here: nobody could tell whose it is."""
        if self._listed - self._signed:
            raise WrongError("keys.json lists a signing key that signed nothing in the bundle")
        return f"{len(self._signed)} keys of Hallmark signed what is in the bundle"

    def _check_item(self, path: str, item: EvidenceItem, entry: Entry) -> str:
        name = item.content_digest.removeprefix("sha256:")
        data = self._bundle.files.get(f"envelopes/{name}.json")
        if data is None or sha256_digest(data) != item.content_digest:
            raise WrongError(f"{path}: its envelope is missing")
        if item.verified:
            document = strict_json.loads_object(data)
            if "mediaType" in document or any(signer.identity for signer in item.signers):
                raise WrongError(f"{path}: it is a Sigstore bundle, which cannot be checked without a server yet")
            self._check_signers(path, item, dsse.parse(data), entry)
        return name

    def _check_signers(self, path: str, item: EvidenceItem, envelope: dsse.Envelope, entry: Entry) -> None:
        statement = _statement(envelope)
        ours = self._bundle.subjects | set(self._bundle.manifest["nested"])
        if _subjects(statement) != set(item.subjects) or not ours & set(item.subjects):
            raise WrongError(f"{path}: its subjects are not those of the statement, or of this version")
        if statement["predicateType"] != item.predicate_type:
            raise WrongError(f"{path}: its predicate type is not that of the statement")
        if isinstance(item.facts, ApprovalFacts) != (item.predicate_type == APPROVAL_TYPE):
            raise WrongError(f"{path}: only Hallmark's own approvals are approvals")
        if item.predicate_type == APPROVAL_TYPE:
            said = {name: statement["predicate"].get(name) for name in ApprovalFacts.model_fields if name != "kind"}
            if item.facts != ApprovalFacts.model_validate(said) or not self._by_hallmark(envelope):
                raise WrongError(f"{path}: it is not the approval that Hallmark signed")
        # What was distrusted since allows nothing: that its signer counts no more is just what the item says.
        elif not item.signers or not (
            item.distrusted or all(self._vouches(signer, item, envelope, entry) for signer in item.signers)
        ):
            raise WrongError(f"{path}: no trust root in force makes its signer count")

    def _vouches(self, signer: Signer, item: EvidenceItem, envelope: dsse.Envelope, entry: Entry) -> bool:
        revisions = [one for one in self._roots.get(signer.trust_root, []) if one.entry.place < entry.place]
        for place, (_, root) in enumerate(revisions):
            replaced = revisions[place + 1].entry.recorded_at if place + 1 < len(revisions) else None
            if replaced and replaced + _AT_THE_SAME_TIME < item.received_at:
                continue
            publics = {keys.key_id(public): public for public in map(keys.load_public, root["keys"])}
            verified = dsse.verify(envelope, publics.values())
            begins, ends = _time(root["valid_from"]), _time(root["distrust_after"])
            if (
                signer.key_id in verified
                and len(verified) >= root["threshold"]
                and signer.role == root["role"]
                and {item.predicate_type, "*"} & set(root["predicate_types"])
                and (begins is None or begins <= item.received_at)
                and (ends is None or item.received_at <= ends)
            ):
                return True
        return False

    def _by_hallmark(self, envelope: dsse.Envelope) -> bool:
        verified = dsse.verify(envelope, self._own.values())
        self._signed |= set(verified)
        return bool(verified)


def _statement(envelope: dsse.Envelope) -> dict[str, Any]:
    kind = envelope.payload_type
    if not (kind.startswith("application/vnd.in-toto") and kind.endswith("+json")):
        raise WrongError(f"an envelope holds {kind[:100]!r}, which is no in-toto statement")
    return strict_json.loads_object(envelope.payload)


def _subjects(statement: dict[str, Any]) -> set[str]:
    return {f"sha256:{one['digest']['sha256'].lower()}" for one in statement["subject"]}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
