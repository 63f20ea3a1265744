"""A verdict fits into a message, however much there is to say."""

from contracts.findings import Finding, Violation
from contracts.message import MAX_BODY
from contracts.vocabulary import GateKind, Mode, Outcome
from shared.digests import sha256_digest
from shared.policy.fitting import MAX_BYTES, fitted

DIGEST = sha256_digest(b"x")


def finding(number: int, *, violations: int, evidence: int, parts: tuple[Finding, ...] = ()) -> Finding:
    wrong = tuple(Violation(says=f"{n} {'x' * 200}", artifact=DIGEST) for n in range(violations))
    return Finding(
        policy="p",
        policy_digest=DIGEST,
        rule=f"r{number}",
        title="t",
        gate=GateKind.ENTRY,
        stage="prod",
        mode=Mode.BLOCK,
        outcome=Outcome.DENY,
        observed="o",
        required="r",
        evidence=tuple(f"ev-{n:032}" for n in range(evidence)),
        evidence_count=evidence,
        violations=wrong,
        violation_count=violations,
        parts=parts,
    )


def size(findings: tuple[Finding, ...]) -> int:
    return sum(len(one.model_dump_json()) for one in findings)


def test_few_findings_stay_whole() -> None:
    given = (finding(1, violations=50, evidence=50),)
    assert fitted(given) == given


def test_long_lists_are_cut_and_their_counts_stay() -> None:
    inner = finding(0, violations=50, evidence=5000)
    given = tuple(finding(n, violations=50, evidence=5000, parts=(inner,)) for n in range(60))
    cut = fitted(given)
    assert size(cut) <= MAX_BYTES < MAX_BODY
    assert {(one.violation_count, one.evidence_count) for one in cut} == {(50, 5000)}
    assert all(len(one.parts[0].violations) == len(one.violations) < 50 for one in cut)
    assert fitted(given) == cut
