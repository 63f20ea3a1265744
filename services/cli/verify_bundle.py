"""Verifies a version's bundle with no server and no network, and trusts nobody here.

It imports nothing of the services: only the standard library, the signature code in `shared/crypto` and the canonical
JSON in `shared/digests`. It checks, in this order, and names each check:

1. Every file has the SHA-256 that the bundle's list says, and there is no other file.
2. The version's digest is that of its manifest.
3. The log's checkpoint is signed by the log's key: yours, when you give it, else the one in the bundle.
4. Every log entry hashes to its leaf, and every leaf is in the tree that the checkpoint signs.
5. Every piece of evidence that counts carries a signature by each key it is said to be signed by, is about this
   version, and is in the log.
6. Every passage into a stage is signed by Hallmark's key, is about this version, and is in the log.
7. Every move in the history rests on a verdict that allowed it, for this digest and those gates, judged before
   the move, on evidence and policies that are in the bundle; verdicts and policies are those in the log.

What it does not do: judge the policies again, or ask whether anything newer contradicts the bundle.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.crypto import dsse, keys, merkle, note
from shared.digests import canonical_digest, sha256_digest
from shared.errors import HallmarkError

LIST = "bundle.json"
MAX_FILES = 100_000
MAX_BYTES = 1024**3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    detail: str


@dataclass
class Report:
    """All checks of one bundle."""

    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True when there were checks and none failed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"verified": self.passed, "checks": [vars(check) for check in self.checks]}


class WrongError(Exception):
    """A check failed; the message says what was found."""


def verify_bundle(data: bytes, *, log_key: str | None = None) -> Report:
    """Check the bundle `data`. `log_key`: the log's key, from elsewhere. Never raises: failures are checks."""
    report = Report()
    try:
        files = _files(data)
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        report.checks.append(Check("the bundle can be read", passed=False, detail=str(error)))
        return report
    bundle = Bundle(files, log_key)
    for name, check in CHECKS:
        try:
            report.checks.append(Check(name, passed=True, detail=check(bundle)))
        except WrongError as error:
            report.checks.append(Check(name, passed=False, detail=str(error)))
        except HallmarkError as error:
            report.checks.append(Check(name, passed=False, detail=error.message))
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            detail = f"the bundle is malformed: {type(error).__name__} {error}"
            report.checks.append(Check(name, passed=False, detail=detail))
    return report


def _files(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if len(infos) > MAX_FILES or sum(info.file_size for info in infos) > MAX_BYTES:
            raise ValueError("the bundle is larger than any bundle should be")
        if len({info.filename for info in infos}) != len(infos):
            raise ValueError("a file is in the bundle twice")
        return {info.filename: archive.read(info) for info in infos}


class Bundle:
    """The files of a bundle, read as the checks need them."""

    def __init__(self, files: dict[str, bytes], log_key: str | None) -> None:
        self.files = files
        self.given_log_key = log_key

    def json(self, path: str) -> Any:
        """One JSON file."""
        return json.loads(self.files[path])

    def all_json(self, folder: str) -> Iterator[tuple[str, Any]]:
        """Every JSON file of a folder that is no envelope."""
        for path in sorted(self.files):
            if path.startswith(f"{folder}/") and path.endswith(".json") and not path.endswith(".dsse.json"):
                yield path, self.json(path)

    @property
    def manifest(self) -> dict[str, Any]:
        """The version, as the registry describes it."""
        found: dict[str, Any] = self.json("manifest.json")
        return found

    @property
    def subjects(self) -> set[str]:
        """The digests that evidence about this version may name."""
        return {self.manifest["digest"], *(artifact["digest"] for artifact in self.manifest["artifacts"])}

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The log entries."""
        found: list[dict[str, Any]] = self.json("log/entries.json")["entries"]
        return found

    def logged(self, digest: str) -> bool:
        """Whether some entry is about a content with that digest."""
        return any(json.loads(entry["entry"])["digest"] == digest for entry in self.entries)


def _check_files(bundle: Bundle) -> str:
    listed = {one["path"]: one["sha256"] for one in bundle.json(LIST)["files"]}
    present = set(bundle.files) - {LIST}
    if set(listed) != present:
        raise WrongError(f"not as listed: {', '.join(sorted(set(listed) ^ present))[:300]}")
    for path, digest in listed.items():
        if sha256_digest(bundle.files[path]).removeprefix("sha256:") != digest.removeprefix("sha256:"):
            raise WrongError(f"{path} was changed")
    return f"{len(listed)} files have their digests"


def _check_manifest(bundle: Bundle) -> str:
    manifest = bundle.manifest
    source = manifest["source"]
    digest = canonical_digest(
        {
            "v": 1,
            "project": manifest["project"],
            "application": manifest["application"],
            "version": manifest["version"],
            "artifacts": [
                {"digest": one["digest"], "purl": one["purl"]}
                for one in sorted(manifest["artifacts"], key=lambda one: str(one["digest"]))
            ],
            "nested": sorted(manifest["nested"]),
            "source": _source(source) if source else None,
        }
    )
    if digest != manifest["digest"]:
        raise WrongError(f"the manifest has the digest {digest}, not {manifest['digest']}")
    return f"{manifest['version']} is {digest}"


def _source(source: dict[str, Any]) -> dict[str, Any]:
    committed_at = source["committed_at"]
    if committed_at and "." not in committed_at:
        committed_at = committed_at.removesuffix("Z") + ".000000Z"
    return {
        "repository": source["repository"],
        "commit": source["commit"],
        "branch": source["branch"],
        "committed_at": committed_at,
    }


def _checkpoint(bundle: Bundle) -> note.Checkpoint:
    own = bundle.json("keys.json")
    known = [bundle.given_log_key] if bundle.given_log_key else own["log_verifier_keys"]
    return note.verify_checkpoint(
        bundle.files["checkpoint.note"], [note.parse_key(key) for key in known], origin=own["log_origin"]
    )


def _check_checkpoint(bundle: Bundle) -> str:
    checkpoint = _checkpoint(bundle)
    return f"{checkpoint.origin} signed its state with {checkpoint.size} entries"


def _check_entries(bundle: Bundle) -> str:
    checkpoint = _checkpoint(bundle)
    if not bundle.entries:
        raise WrongError("the bundle holds no log entry")
    for entry in bundle.entries:
        leaf = merkle.leaf_hash(entry["entry"].encode())
        if "sha256:" + leaf.hex() != entry["leaf_hash"]:
            raise WrongError(f"entry {entry['index']} was changed")
        proof = [bytes.fromhex(one.removeprefix("sha256:")) for one in entry["proof"]]
        if not merkle.verify_inclusion(leaf, entry["index"], checkpoint.size, proof, checkpoint.root):
            raise WrongError(f"entry {entry['index']} is not in the signed tree")
    return f"{len(bundle.entries)} entries are in the signed tree"


def _check_evidence(bundle: Bundle) -> str:
    known = _known_keys(bundle)
    counted = 0
    for path, view in bundle.all_json("evidence"):
        item = view["item"]
        envelope = bundle.files[path.removesuffix(".json") + ".dsse.json"]
        if sha256_digest(envelope) != item["content_digest"]:
            raise WrongError(f"{path}: the envelope is another one")
        if not bundle.logged(item["content_digest"]):
            raise WrongError(f"{path}: the log has no entry about it")
        if not item["verified"]:
            continue
        signers = {signer["key_id"] for signer in item["signers"]}
        parsed = dsse.parse(envelope)
        if not signers or not signers <= set(dsse.verify(parsed, known.values())):
            raise WrongError(f"{path}: it is not signed by the keys it is said to be signed by")
        _check_subjects(path, parsed, bundle.subjects)
        counted += 1
    return f"{counted} pieces of evidence are signed, logged and about this version"


def _known_keys(bundle: Bundle) -> dict[str, keys.PublicKey]:
    own = bundle.json("keys.json")
    pems = [*own["signing_keys"], *(pem for root in own["trust_roots"] for pem in root["keys"])]
    loaded = [keys.load_public(pem) for pem in pems]
    return {keys.key_id(key): key for key in loaded}


def _check_subjects(path: str, envelope: dsse.Envelope, ours: set[str]) -> None:
    statement = json.loads(envelope.payload)
    named = {f"sha256:{one['digest'].get('sha256')}" for one in statement["subject"]}
    if not named & ours:
        raise WrongError(f"{path}: it is about something else")


def _check_passages(bundle: Bundle) -> str:
    own = [keys.load_public(pem) for pem in bundle.json("keys.json")["signing_keys"]]
    passages = {}
    for path in sorted(bundle.files):
        if path.startswith("passages/"):
            envelope = bundle.files[path]
            parsed = dsse.parse(envelope)
            if not dsse.verify(parsed, own):
                raise WrongError(f"{path}: Hallmark did not sign it")
            _check_subjects(path, parsed, {bundle.manifest["digest"]})
            digest = sha256_digest(envelope)
            if not bundle.logged(digest):
                raise WrongError(f"{path}: the log has no entry about it")
            passages[digest] = path
    for move in bundle.manifest["history"]:
        if move["passage_digest"] not in passages:
            raise WrongError(f"the passage into {move['to_stage']} is missing")
    return f"{len(bundle.manifest['history'])} passages are signed and logged"


def _check_verdicts(bundle: Bundle) -> str:
    verdicts = {verdict["verdict_id"]: verdict for _, verdict in bundle.all_json("verdicts")}
    evidence = {view["item"]["content_digest"] for _, view in bundle.all_json("evidence")}
    known_policies = _policies(bundle)
    for move in bundle.manifest["history"]:
        verdict = verdicts.get(move["verdict_id"])
        if verdict is None or verdict["outcome"] != "allow":
            raise WrongError(f"no verdict allows the move into {move['to_stage']}")
        if not bundle.logged(_as_announced(verdict)):
            raise WrongError(f"the verdict for {move['to_stage']} is not the one in the log")
        if verdict["version_digest"] != bundle.manifest["digest"]:
            raise WrongError(f"the verdict for {move['to_stage']} is about another version")
        if move["to_stage"] not in {passage["stage"] for passage in verdict["passages"]}:
            raise WrongError(f"the verdict for {move['to_stage']} is about other gates")
        if verdict["judged_at"] > move["at"]:
            raise WrongError(f"the move into {move['to_stage']} came before its verdict")
        if not {used["content_digest"] for used in verdict["evidence"]} <= evidence:
            raise WrongError(f"the verdict for {move['to_stage']} rests on evidence that is missing")
        if not set(verdict["policy_digests"]) <= known_policies:
            raise WrongError(f"the verdict for {move['to_stage']} rests on a policy that is missing")
    return f"{len(bundle.manifest['history'])} moves rest on verdicts that allowed them"


def _policies(bundle: Bundle) -> set[str]:
    """Digests of the policies in the bundle, each of them checked."""
    found = set()
    for path, policy in bundle.all_json("policies"):
        digest = canonical_digest(policy["document"])
        if digest != policy["digest"] or not bundle.logged(digest):
            raise WrongError(f"{path}: it is not the policy in the log")
        found.add(digest)
    return found


def _as_announced(verdict: dict[str, Any]) -> str:
    """The digest under which the log has a verdict: of its announcement, which does not repeat who asked."""
    return canonical_digest({name: value for name, value in verdict.items() if name != "requested_by"})


CHECKS: tuple[tuple[str, Callable[[Bundle], str]], ...] = (
    ("every file is as listed", _check_files),
    ("the version is its manifest", _check_manifest),
    ("the log's checkpoint is signed", _check_checkpoint),
    ("every entry is in the log", _check_entries),
    ("the evidence is signed and logged", _check_evidence),
    ("the passages are signed and logged", _check_passages),
    ("every move was allowed", _check_verdicts),
)
