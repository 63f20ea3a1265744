"""What Hallmark itself signed: approvals, passages, and withdrawals of passages.

- Its keys are yours when you give some, and those that took over from them as the log says; else the bundle's own.
- An approval says what was signed, and counts by Hallmark's key alone.
- A withdrawal takes back a passage that is in the bundle, of the same attempt, and was logged after it.
- Every listed key has signed something here: nobody could tell whose another one is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from contracts.facts import ApprovalFacts, EvidenceItem, Signer
from services.cli.verifier.log import Log, State
from services.cli.verifier.reading import Bundle, WrongError
from shared.crypto import dsse, keys
from shared.crypto.note_keys import parse_key
from shared.trust import statement as in_toto
from shared.trust.roots import OWN_ROOT
from shared.trust.statement import WITHDRAWAL_TYPE, Statement

SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1"
RESULT_TYPE = "https://in-toto.io/attestation/svr/v0.2"


class Attested(NamedTuple):
    """One statement of Hallmark about a passage, with its place in the log."""

    digest: str
    place: int
    """Its index in the log."""
    predicate: dict[str, Any]


class Signed:
    """What Hallmark signed, by keys that are its own."""

    def __init__(self, bundle: Bundle, log: Log, state: State, given: Sequence[str]) -> None:
        listed: list[str] = bundle.json("keys.json")["signing_keys"]
        if [keys.public_pem(keys.load_public(pem)) for pem in listed] != listed:
            raise WrongError("a signing key is spelt in an unusual way")
        self._listed = {keys.key_id(keys.load_public(pem)) for pem in listed}
        self._own = {keys.key_id(public): public for public in map(keys.load_public, given or listed)}
        for one in state.handovers:
            # One key signs for the log and for Hallmark, so what follows it for one follows it for both.
            if keys.key_id(parse_key(one.old).public) in self._own:
                public = parse_key(one.new).public
                self._own[keys.key_id(public)] = public
        self._signed: set[str] = set()
        self.passages = dict(self._passages(bundle, log))
        """By attempt of a promotion and predicate type."""
        self.withdrawn = dict(self._withdrawn())
        """What no move may rest on, by attempt: the digests of the passage and of its withdrawal."""

    def _passages(self, bundle: Bundle, log: Log) -> Iterator[tuple[tuple[str, str], Attested]]:
        for path, name in bundle.folder("passages"):
            statement, _ = self._read(path, bundle.files[path])
            withdraws = statement.predicate_type == WITHDRAWAL_TYPE
            if set(statement.digests) != ({bundle.about["version_digest"]} if withdraws else bundle.subjects):
                raise WrongError(f"{path} is about something else")
            entry = log.about(f"sha256:{name}", "withdrawal" if withdraws else "passage")[0]
            said = Attested(f"sha256:{name}", entry.place, dict(statement.predicate))
            yield (entry.subject, statement.predicate_type), said

    def _withdrawn(self) -> Iterator[tuple[str, set[str]]]:
        for (attempt, kind), said in self.passages.items():
            if kind != WITHDRAWAL_TYPE:
                continue
            both = [self.passages.get((attempt, one)) for one in (SUMMARY_TYPE, RESULT_TYPE)]
            known = [one for one in both if one is not None and one.place < said.place]
            names = f"{said.predicate['promotion']}|{said.predicate['attempt']}"
            withdraws = f"sha256:{said.predicate['passage']['digest']['sha256']}"
            if len(known) < len(both) or known[0].digest != withdraws or names != attempt:
                raise WrongError(f"a withdrawal of attempt {attempt} takes back no passage that is in the bundle")
            yield attempt, {one.digest for one in (*known, said)}

    def check_approval(self, path: str, item: EvidenceItem, data: bytes) -> None:
        """Raises `WrongError` unless Hallmark signed the approval `item`, or it counts for nothing."""
        if not item.verified:
            return
        statement, signers = self._read(path, data)
        said = {name: value for name, value in statement.predicate.items() if name in ApprovalFacts.model_fields}
        facts = ApprovalFacts.model_validate(said)
        own = [Signer(key_id=one, trust_root=OWN_ROOT, role=facts.role.value) for one in signers]
        about = (statement.predicate_type, statement.digests)
        if (item.facts, list(item.signers), (item.predicate_type, item.subjects)) != (facts, own, about):
            raise WrongError(f"{path}: it is not the approval that Hallmark signed")

    def _read(self, path: str, data: bytes) -> tuple[Statement, tuple[str, ...]]:
        envelope = dsse.parse(data)
        signers = dsse.verify(envelope, self._own.values())
        if not signers or not in_toto.is_statement(envelope.payload_type):
            raise WrongError(f"{path} is not signed by Hallmark")
        self._signed |= set(signers)
        return in_toto.parse(envelope.payload), signers

    def check_keys_used(self) -> str:
        """Raises `WrongError` for a listed key that signed nothing here."""
        if self._listed - self._signed:
            raise WrongError("keys.json lists a signing key that signed nothing in the bundle")
        return f"{len(self._signed)} keys of Hallmark signed what is in the bundle"
