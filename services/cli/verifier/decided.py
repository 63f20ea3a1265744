"""What was decided: every verdict is given again, and every move rests on one that allowed it.

- A verdict is decided anew, by the gate's own code, on the evidence, policies, context and time that it pins. Outcome,
  findings, evidence used, fingerprint and end must come out the same, and its clearance says the same.
- A passage claims the levels that its promotion does, and no trusted release where the verdict says that it may not be
  called so. That it may be and is not called so is less than was allowed, and no contradiction.
- A completed promotion names a verdict that allowed exactly that move, and a passage that was signed and logged before
  and never withdrawn.
- Each move begins where those before it left the version (`following`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.circumstances import Circumstances
from contracts.facts import EvidenceItem
from contracts.gate.v1.views import ONLY_IN_VIEWS, VerdictView
from contracts.vocabulary import GateKind, Outcome, utc
from services.cli.verifier.cleared import check_clearance
from services.cli.verifier.following import check_begins
from services.cli.verifier.log import Log
from services.cli.verifier.reading import Bundle, WrongError
from services.cli.verifier.signed import RESULT_TYPE, SUMMARY_TYPE, Signed
from shared.crypto import keys
from shared.digests import canonical_digest, sha256_digest
from shared.errors import Unauthenticated
from shared.policy.policy import Policy, read_policy
from shared.policy.replay import Case, differences
from shared.policy.verdict import Verdict
from shared.rego.pool import answered_offline
from shared.verdict_signature import verify_verdict
from shared.way import FORWARD

_NAMED_KINDS = {"demote", "recertify"}
"""The kinds that a summary names."""


def check_policies(bundle: Bundle, log: Log) -> dict[str, Policy]:
    """The policies by digest. Raises `WrongError` for one that the log does not hold."""
    found = {}
    for path, name in bundle.folder("policies"):
        policy = read_policy(bundle.json(path))
        if policy.digest != f"sha256:{name}":
            raise WrongError(f"{path} is not in its normal form")
        log.about(policy.digest, "policy", subject=policy.name, project=policy.metadata.project)
        found[policy.digest] = policy
    return found


def check_gate_keys(bundle: Bundle, log: Log) -> dict[str, keys.PublicKey]:
    """The keys that verdicts are signed with, by id. Raises `WrongError` for one that the log does not know."""
    found = {}
    for path, name in bundle.folder("gate-keys"):
        public = keys.load_public(bundle.json(path)["pem"])
        key_id = keys.key_id(public)
        if key_id != f"sha256:{name}" or bundle.json(path) != {"pem": keys.public_pem(public)}:
            raise WrongError(f"{path} holds another key than its name says, or in another form")
        log.about(key_id, "key", subject=key_id, project="*")
        found[key_id] = public
    return found


def check_verdicts(
    bundle: Bundle, log: Log, items: Mapping[str, EvidenceItem], policies: Mapping[str, Policy]
) -> dict[str, VerdictView]:
    """The verdicts by id, each given again. Raises `WrongError` for the first that comes out otherwise."""
    verdicts, gate_keys = {}, check_gate_keys(bundle, log)
    signed_with: set[str] = set()
    for path, name in bundle.folder("verdicts"):
        said = bundle.json(path)
        announced = {key: value for key, value in said.items() if key not in ONLY_IN_VIEWS}
        signed_with.add(_check_signature(path, announced, gate_keys))
        log.about(canonical_digest(announced), "verdict", subject=name)
        if said.get("considered_digest") is None:
            raise WrongError(f"{path} does not pin what it was based on: it was given by an older Hallmark")
        if canonical_digest(said["considered"]) != said["considered_digest"]:
            raise WrongError(f"{path} lists other evidence than the logged verdict considered")
        if canonical_digest(said["circumstances"]) != said["circumstances_digest"]:
            raise WrongError(f"{path} tells of other circumstances than the logged verdict")
        verdict = VerdictView.model_validate(said)
        again = _given_again(path, bundle, verdict, items, policies)
        if different := differences(verdict, again):
            raise WrongError(f"{path} says another {different[0]} than its evidence and policies give")
        check_clearance(path, verdict, (one["digest"] for one in bundle.manifest["artifacts"]), gate_keys)
        verdicts[name] = verdict
    if unused := set(gate_keys) - signed_with:
        raise WrongError(f"the gate key {min(unused)} signed no verdict in the bundle")
    return verdicts


def _check_signature(path: str, announced: dict[str, Any], gate_keys: Mapping[str, keys.PublicKey]) -> str:
    signature = announced.get("signature")
    if not signature:
        raise WrongError(f"{path} is not signed by the gate")
    body = {key: value for key, value in announced.items() if key != "signature"}
    try:
        verify_verdict(body, signature["key_id"], signature["value"], gate_keys.values())
    except Unauthenticated as error:
        raise WrongError(f"{path}: {error.message}") from error
    return str(signature["key_id"])


def _given_again(
    path: str,
    bundle: Bundle,
    verdict: VerdictView,
    items: Mapping[str, EvidenceItem],
    policies: Mapping[str, Policy],
) -> Verdict:
    missing = {one.record for one in verdict.considered} - set(items)
    missing |= set(verdict.policy_digests) - set(policies)
    if missing:
        raise WrongError(f"{path} rests on {min(missing)}, which is not in the bundle")
    considered = tuple(items[one.record] for one in verdict.considered)
    pinned = [(item.evidence_id, item.content_digest) for item in considered]
    if pinned != [(one.evidence_id, one.content_digest) for one in verdict.considered]:
        raise WrongError(f"{path} considered other evidence than it names")
    circumstances = verdict.circumstances or Circumstances()
    if [one.model_dump() for one in circumstances.artifacts] != sorted_artifacts(bundle):
        raise WrongError(f"{path} was given on other artifacts than the version has")
    case = Case(verdict, considered, circumstances)
    given = [policies[digest] for digest in verdict.policy_digests]
    return case.decided(given, answered_offline(case.questions(given)))


def sorted_artifacts(bundle: Bundle) -> list[dict[str, Any]]:
    """The version's artifacts as its manifest names them, by digest."""
    return sorted(
        ({"purl": one["purl"], "digest": one["digest"]} for one in bundle.manifest["artifacts"]),
        key=lambda one: one["digest"],
    )


def check_moves(bundle: Bundle, log: Log, signed: Signed, verdicts: Mapping[str, VerdictView]) -> str:
    """Raises `WrongError` for the first move that was not allowed, attested and logged."""
    moves, attested = [], set()
    for path, name in bundle.folder("promotions"):
        promotion = bundle.json(path)
        entry = log.about(sha256_digest(bundle.files[path]), "promotion", "refusal", subject=name)[0]
        if promotion["version_digest"] != bundle.about["version_digest"]:
            raise WrongError(f"{path} is about another version")
        if entry.kind == "promotion":
            verdict = verdicts.get(promotion["verdict_id"])
            if verdict is None or not _allows(verdict, promotion):
                raise WrongError(f"{path}: no verdict in the bundle allowed this move")
            attested |= _check_attested(path, signed, verdict, promotion, entry.place)
            moves.append(promotion)
    withdrawn = {digest.removeprefix("sha256:") for digests in signed.withdrawn.values() for digest in digests}
    if attested | withdrawn != {name for _, name in bundle.folder("passages")}:
        raise WrongError("a passage belongs to no move in the bundle")
    moves.sort(key=lambda move: str(move["at"]))
    for place, move in enumerate(moves):
        check_begins(move, moves[:place])
    taken_back = f"; {len(signed.withdrawn)} passages were withdrawn" if signed.withdrawn else ""
    return f"{len(moves)} moves were allowed, attested and logged{taken_back}"


def _allows(verdict: VerdictView, promotion: dict[str, Any]) -> bool:
    gates = {(one.stage, one.gate) for one in verdict.passages}
    needed = {(promotion["to_stage"], GateKind.ENTRY)}
    if promotion["release"]:
        needed.add((promotion["to_stage"], GateKind.RELEASE))
    if promotion["from_stage"] and promotion["kind"] in FORWARD:
        needed.add((promotion["from_stage"], GateKind.EXIT))
    return (
        verdict.outcome is Outcome.ALLOW
        and verdict.promotion_id == promotion["promotion_id"]
        and verdict.requested_by == promotion["requested_by"]
        and needed <= gates
    )


def _check_attested(
    path: str, signed: Signed, verdict: VerdictView, promotion: dict[str, Any], moved_at: int
) -> set[str]:
    attempt = f"{verdict.promotion_id}|{verdict.attempt}"
    if attempt in signed.withdrawn:
        raise WrongError(f"{path}: its passage was withdrawn")
    summary, result = (signed.passages.get((attempt, kind)) for kind in (SUMMARY_TYPE, RESULT_TYPE))
    if summary is None or result is None or summary.digest != promotion["passage_digest"]:
        raise WrongError(f"{path}: its passage is not in the bundle")
    if summary.place > moved_at or result.place > moved_at:
        raise WrongError(f"{path}: it moved before its passage was in the log")
    said, policies = summary.predicate, verdict.policy_digests
    levels, waivers = _levels(promotion), sorted(one.waiver_id for one in verdict.waivers)
    if promotion.get("waivers", []) != waivers or (_trusted(promotion) and not verdict.may_be_trusted):
        raise WrongError(f"{path}: it says another trust or other waivers than its verdict")
    expected = {
        "hallmark_verdict": {
            "id": verdict.verdict_id,
            **({"waivers": waivers} if waivers else {}),
            **({"kind": promotion["kind"]} if promotion["kind"] in _NAMED_KINDS else {}),
        },
        "verificationResult": "PASSED",
        "timeVerified": utc(verdict.judged_at),
        "resourceUri": f"hallmark:{verdict.project}/{verdict.application}/{verdict.version}@{promotion['to_stage']}",
        "verifiedLevels": levels,
    }
    inputs = {one["digest"]["sha256"] for one in said["inputAttestations"]}
    if (
        {name: said.get(name) for name in expected} != expected
        or result.predicate["properties"] != levels
        or f"sha256:{said['policy']['digest']['sha256']}" != canonical_digest(sorted(policies))
        or inputs != {used.content_digest.removeprefix("sha256:") for used in verdict.evidence}
        or {f"sha256:{one['digest']['sha256']}" for one in result.predicate["verifier"]["policies"]} != set(policies)
    ):
        raise WrongError(f"{path}: its passage does not say what its verdict says")
    return {one.digest.removeprefix("sha256:") for one in (summary, result)}


def _levels(promotion: dict[str, Any]) -> list[str]:
    if promotion["release"] and _trusted(promotion):
        return ["HALLMARK_TRUSTED_RELEASE"]
    stage = f"HALLMARK_STAGE_{promotion['to_stage'].upper()}"
    return ["HALLMARK_RELEASE", stage] if promotion["release"] else [stage]


def _trusted(promotion: dict[str, Any]) -> bool:
    return bool(promotion.get("trusted", True))
