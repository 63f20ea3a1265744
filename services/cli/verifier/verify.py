"""Verifies a version's bundle with no server and no network, and trusts nobody here.

It imports nothing of the services but its own seven neighbours: `reading` (the archive), `log` (entries and proofs),
`signed` (Hallmark's own statements), `believed` (evidence), `decided` (verdicts and moves), `following` (their order),
`cleared` (what services acted on). Below them are only the models in `contracts/`, `shared/crypto`, canonical JSON, and
the code that the services use: `shared/trust` to believe, `shared/policy` to decide, `shared/way`. The checks are made
in this order, and the first that does not hold ends it by name:

1. The archive is a bundle, every file is as listed, and every file in a folder of digests has its own.
2. The version's digest is that of its manifest.
3. The log's state is signed by the key in force, holds every entry of the bundle, is cosigned by your witnesses, and
   extends the state that you have kept.
4. Every piece of evidence is the envelope and the facts that were logged, counts for what the trust roots of the log
   made it count for at each time, and is about this version if it counts. Approvals are Hallmark's own.
5. Every verdict is the logged one, and comes out the same when it is given again from what it pins.
6. Every move of the version rests on a verdict that allowed it and on passages that Hallmark signed and logged before,
   and has not withdrawn.
7. Nothing is in the bundle that was not looked at: no entry about something else, no key that signed nothing.

What it cannot know: whether anything was left out together with its log entry, or has happened since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.facts import Standing
from services.cli.verifier import believed, decided, reading
from services.cli.verifier import log as logs
from services.cli.verifier.reading import Bundle, WrongError
from services.cli.verifier.signed import Signed
from shared.digests import sha256_digest
from shared.errors import HallmarkError


@dataclass(frozen=True)
class Trust:
    """What the verifier knows from elsewhere than the bundle. Without it, a bundle can only be consistent in itself."""

    log_keys: tuple[str, ...] = ()
    """Verifier keys of the log, `<name>+<key id>+<base64>`: its state must be signed by one of them, or by one that
    follows from them."""
    signing_keys: tuple[str, ...] = ()
    """Public keys in PEM: Hallmark's approvals and passages must be signed by these, or by those that follow."""
    witnesses: tuple[str, ...] = ()
    """Keys of witnesses, of the signature type 4."""
    quorum: int = 0
    """How many of the witnesses must have cosigned."""
    since: bytes | None = None
    """An earlier checkpoint of the log."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    detail: str


@dataclass
class Report:
    """The checks of one bundle, up to the first that failed."""

    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True when there were checks and none failed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"verified": self.passed, "checks": [vars(check) for check in self.checks]}


def verify_bundle(data: bytes, trust: Trust | None = None) -> Report:
    """Check the bundle `data`. Never raises: the first thing that does not hold is the report's last check."""
    report, verification = Report(), _Verification(data, trust or Trust())
    for name, check in _CHECKS:
        try:
            report.checks.append(Check(name, passed=True, detail=check(verification)))
        except WrongError as error:
            report.checks.append(Check(name, passed=False, detail=str(error)))
        except HallmarkError as error:
            report.checks.append(Check(name, passed=False, detail=error.message))
        except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            detail = f"it is malformed: {type(error).__name__} {str(error)[:300]}"
            report.checks.append(Check(name, passed=False, detail=detail))
        if not report.checks[-1].passed:
            break
    return report


class _Verification:
    """What the checks before have established, for those after."""

    def __init__(self, data: bytes, trust: Trust) -> None:
        self.data, self.trust = data, trust
        self.bundle: Bundle
        self.state_of_log: logs.State
        self.log: logs.Log
        self.signed: Signed

    def read(self) -> str:
        self.bundle = bundle = reading.read(self.data)
        listed = {one["path"]: one["sha256"] for one in bundle.about["files"]}
        present = set(bundle.files) - {reading.LIST}
        if set(listed) != present or len(bundle.about["files"]) != len(present):
            raise WrongError(f"files are not as listed: {', '.join(sorted(set(listed) ^ present))[:300]}")
        for path, digest in listed.items():
            if sha256_digest(bundle.files[path]) != f"sha256:{digest}":
                raise WrongError(f"{path} was changed")
        return f"{len(listed)} files have their digests"

    def version(self) -> str:
        about, manifest = self.bundle.about, self.bundle.manifest
        digest = sha256_digest(self.bundle.files["manifest.json"])
        names = {name: manifest[name] for name in ("project", "application", "version")}
        said = {"format": reading.FORMAT, "format_version": reading.FORMAT_VERSION, "files": about["files"]}
        if about != {**said, **names, "version_digest": digest}:
            raise WrongError(f"bundle.json does not describe the version of the manifest, {digest}")
        return f"{names['application']} {names['version']} is {digest}"

    def state(self) -> str:
        bundle, trust = self.bundle, self.trust
        self.state_of_log = state = logs.signed_state(bundle, trust.log_keys)
        self.log = logs.Log(bundle, state)
        cosigned = logs.check_witnesses(bundle, state, trust.witnesses, trust.quorum)
        grown = logs.check_since(bundle, state, trust.since)
        checkpoint = state.checkpoint
        return f"{checkpoint.origin} signed its state with {checkpoint.size} entries; {cosigned}; {grown}"

    def evidence(self) -> str:
        self.signed = Signed(self.bundle, self.log, self.state_of_log, self.trust.signing_keys)
        self.items = believed.check_evidence(self.bundle, self.log, self.signed)
        newest = {item.evidence_id: item for item in sorted(self.items.values(), key=lambda item: item.revision)}
        standings = Counter(item.standing for item in newest.values())
        counting, distrusted = standings[Standing.VERIFIED], standings[Standing.DISTRUSTED]
        seen = f"{counting} count, by their signatures; {distrusted} are distrusted"
        return f"{len(newest)} pieces are those that were logged; {seen}"

    def verdicts(self) -> str:
        policies = decided.check_policies(self.bundle, self.log)
        self.given = decided.check_verdicts(self.bundle, self.log, self.items, policies)
        return f"{len(self.given)} verdicts come out the same, given again under {len(policies)} policies"

    def moves(self) -> str:
        return decided.check_moves(self.bundle, self.log, self.signed, self.given)

    def rest(self) -> str:
        return f"{self.log.check_all_used()}; {self.signed.check_keys_used()}"


_CHECKS: tuple[tuple[str, Callable[[_Verification], str]], ...] = (
    ("the bundle can be read", _Verification.read),
    ("the version is its manifest", _Verification.version),
    ("the log holds its entries", _Verification.state),
    ("the evidence is signed and logged", _Verification.evidence),
    ("every verdict comes out the same", _Verification.verdicts),
    ("every move was allowed", _Verification.moves),
    ("nothing is left over", _Verification.rest),
)
