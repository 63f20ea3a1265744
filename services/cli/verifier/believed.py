"""What was believed: every piece of evidence, judged again as on receipt, by the trust roots of the log.

- A form is a piece of evidence as it stood: as received, or after a judgement. All of its forms are here, in order.
- As received, it has the signers that the roots in force gave it: none too many, and none too few by own roots.
- A judgement adds whom the roots in force believe, and marks whom it does not name any more as distrusted. That
  distrust itself is not asked to be right: it takes power away, and the denial stays.
- A root that was replaced less than ten seconds before an entry may still have been read, since the two raced.
- Approvals are Hallmark's own, and say what was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby, zip_longest
from typing import NamedTuple

from contracts.facts import ApprovalFacts, EvidenceItem, Signer
from services.cli.verifier.log import Entry, Log
from services.cli.verifier.reading import Bundle, WrongError
from services.cli.verifier.signed import Signed
from shared.digests import canonical_digest, sha256_digest
from shared.records import read_item
from shared.trust import roots
from shared.trust.rejudging import judged_again
from shared.trust.roots import TrustRoot
from shared.trust.statement import APPROVAL_TYPE
from shared.trust.verification import Verified, judge

_AT_THE_SAME_TIME = timedelta(seconds=10)


class Form(NamedTuple):
    """A piece of evidence as it stood from its log entry on."""

    path: str
    item: EvidenceItem
    entry: Entry


class Revision(NamedTuple):
    """One revision of a trust root, in force from its log entry on."""

    entry: Entry
    root: TrustRoot


class Roots:
    """The trust roots that the project had, its own and shared ones, as the log has them."""

    def __init__(self, bundle: Bundle, log: Log) -> None:
        revisions: list[Revision] = []
        for path, _ in bundle.folder("trust-roots"):
            document = bundle.json(path)
            if document["project"] != log.project and not document.get("shared"):
                raise WrongError(f"{path} is of another project, and not shared")
            digest, name, project = canonical_digest(document), document["trust_root"], document["project"]
            entries = log.about(digest, "trust_root", subject=name, project=project)
            revisions += [Revision(entry, roots.applied(document)) for entry in entries]
        revisions.sort(key=lambda one: (one.entry.project, one.entry.subject, one.entry.place))
        grouped = groupby(revisions, key=lambda one: (one.entry.project, one.entry.subject))
        self._revisions = [(project == log.project, list(found)) for (project, _), found in grouped]

    def at(self, entry: Entry) -> tuple[list[TrustRoot], list[TrustRoot]]:
        """The roots that may have been in force at `entry`, and those among them that must have been."""
        possible, certain = [], []
        for own, revisions in self._revisions:
            known = [one for one in revisions if one.entry.place < entry.place]
            raced = [one for one in known if one.entry.recorded_at + _AT_THE_SAME_TIME >= entry.recorded_at]
            for one, later in zip_longest(known, known[1:]):
                if later is None or later in raced:
                    possible.append(one.root)
            # That somebody else's root is shared no longer is not in the bundle: it can only be known to have counted.
            if known and own and not raced:
                certain.append(known[-1].root)
        return possible, certain


def check_evidence(bundle: Bundle, log: Log, signed: Signed) -> dict[str, EvidenceItem]:
    """Every form by the digest of its record, each checked. Raises `WrongError`."""
    known, forms = Roots(bundle, log), [_form(bundle, log, path, name) for path, name in bundle.folder("evidence")]
    forms.sort(key=lambda one: (one.item.evidence_id, one.item.revision))
    ours = bundle.subjects | contained_subjects(bundle)
    for _, found in groupby(forms, key=lambda one: one.item.evidence_id):
        before: Form | None = None
        for form in found:
            _check(bundle, ours, known, signed, form=form, before=before)
            before = form
    if {form.item.content_digest for form in forms} != {f"sha256:{name}" for _, name in bundle.folder("envelopes")}:
        raise WrongError("an envelope is about no evidence in the bundle")
    return {str(form.entry.record): form.item for form in forms}


def _form(bundle: Bundle, log: Log, path: str, name: str) -> Form:
    bundle.json(path)
    item = read_item(bundle.files[path])
    kinds = ("judgement",) if item.revision else ("evidence", "approval")
    entry = log.about(f"sha256:{name}", *kinds, subject=item.evidence_id)[0]
    if entry.digest != item.content_digest:
        raise WrongError(f"{path} is about another envelope than its log entry")
    return Form(path, item, entry)


def _check(bundle: Bundle, ours: set[str], known: Roots, signed: Signed, *, form: Form, before: Form | None) -> None:
    path, item, entry = form
    if (before is None) != (item.revision == 0) or (before and before.entry.place > entry.place):
        raise WrongError(f"{path}: what it counted for before is not in the bundle")
    data = bundle.files.get(f"envelopes/{item.content_digest.removeprefix('sha256:')}.json")
    if data is None or sha256_digest(data) != item.content_digest:
        raise WrongError(f"{path}: its envelope is missing")
    if item.verified and not ours & set(item.subjects):
        raise WrongError(f"{path}: it is not about this version")
    if item.predicate_type == APPROVAL_TYPE and before is None:
        signed.check_approval(path, item, data)
    elif isinstance(item.facts, ApprovalFacts) or not _stands(known, form, before, data):
        raise WrongError(f"{path}: the trust roots in force do not make it count as it says")


def contained_subjects(bundle: Bundle) -> set[str]:
    """The versions in this one and their artifacts, as its manifest and the circumstances of its verdicts name them.

    What contained versions are made of is the gate's word here: their own manifests are not in the bundle.
    """
    found = set(bundle.manifest["nested"])
    for path, _ in bundle.folder("verdicts"):
        for part in bundle.json(path)["circumstances"]["contained"]:
            found |= {part["digest"], *part["artifacts"]}
    return found


def _stands(known: Roots, form: Form, before: Form | None, data: bytes) -> bool:
    path, item, entry = form
    possible, certain = known.at(entry)
    believed = _judged(path, item, data, possible)
    if before is None:
        required = believed if certain == possible else _judged(path, item, data, certain)
        counts = item.verified == bool(item.signers) and not item.distrusted
        return counts and required <= set(item.signers) <= believed
    trusted = tuple(signer for signer in item.signers if not signer.distrusted)
    again = judged_again(before.item, item.model_copy(update={"signers": trusted, "verified": bool(trusted)}))
    return again is not None and again.item == item and set(trusted) <= believed


def _judged(path: str, item: EvidenceItem, data: bytes, by: Sequence[TrustRoot]) -> set[Signer]:
    answer = judge(data, by, item.received_at)
    said = answer.statement
    if item.verified and said and (said.digests, said.predicate_type) != (item.subjects, item.predicate_type):
        raise WrongError(f"{path}: its subjects or its predicate type are not those of the statement")
    return set(answer.signers) if isinstance(answer, Verified) else set()
