"""`approvals` in quorums by role, separation of duties and age."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.circumstances import Circumstances, WaivedSubject
from contracts.facts import EvidenceItem, UnreadableFacts
from contracts.vocabulary import ActorKind, Outcome, Role, SourceCommit
from shared.errors import Invalid
from shared.policy.dossier import Dossier
from shared.policy.policy import read_policy
from shared.policy.rules import RuleAnswer, check
from shared.policy.rules.quorum import Answer, counted, suffices_since
from tests.unit.gate.gate_builders import (
    APPROVAL_TYPE,
    NOW,
    VERSION,
    approval,
    context_for,
    document,
    dossier,
    granted_waiver,
    item,
    judge,
    passed,
    policy,
    rule,
    rule_of,
    signer,
)

PAGE = (Path(__file__).parents[3] / "docs" / "rules" / "approvals.md").read_text(encoding="utf-8")
ONE = rule("approvals", role="approver")
BOTH = rule("approvals", role="approver", count=2, also=[{"role": "security"}])
HOUR = timedelta(hours=1)
SOURCE = SourceCommit(repository="https://git.example/shop", commit="c" * 40, author="ada", committer="cora")


def made_by(*, evidence: EvidenceItem | None = None, **around: Any) -> Dossier:
    return dossier(evidence or item("e1", passed()), circumstances=Circumstances(**around))


def approved(held: Dossier, *answers: tuple[str, Role] | str, age: timedelta = HOUR) -> Dossier:
    seen = held.evidence_set_digest
    for number, one in enumerate(answers, start=len(held.items)):
        who, role = (one, Role.APPROVER) if isinstance(one, str) else one
        held = held.with_item(item(f"a{number}", approval(who, seen, role=role), age=age))
    return held


def answer(written: dict[str, Any], held: Dossier) -> RuleAnswer:
    return check(rule_of(written), held, context_for(held, requested_by="rita"))


def on_the_page(says: str) -> bool:
    return says in " ".join(PAGE.replace("> ", "").replace("*", "").split())


def signed_by(who: str) -> EvidenceItem:
    return item("e1", passed(), signers=(signer("test").model_copy(update={"identity": who}),))


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (made_by(), "asked for this"),
        (made_by(registered_by="rita"), "asked for this and registered the version"),
        (made_by(source=SOURCE.model_copy(update={"author": "rita"})), "asked for this and wrote its commit"),
    ],
)
def test_the_requester_never_counts(held: Dossier, why: str) -> None:
    given = answer(ONE, approved(held, "rita"))
    assert (given.outcome, given.observed) == (
        Outcome.PENDING,
        f"0 of 1 approval(s) given. Not counted: rita, who {why}.",
    )


@pytest.mark.parametrize(
    ("held", "duty", "why"),
    [
        (made_by(registered_by="anna"), "author", "registered the version"),
        (made_by(source=SOURCE.model_copy(update={"author": "anna"})), "author", "wrote its commit"),
        (made_by(source=SOURCE.model_copy(update={"committer": "Anna"})), "committer", "committed it"),
        (made_by(evidence=signed_by("anna")), "evidence_signers", "signed evidence"),
        (made_by(evidence=item("e1", passed(), submitted_by="anna")), "evidence_signers", "handed in evidence"),
        (made_by(evidence=item("e1", passed(), submitted_by="ANNA")), "evidence_signers", "handed in evidence"),
    ],
)
def test_46_who_had_another_part_in_it_does_not_count_unless_the_policy_says_so(
    held: Dossier, duty: str, why: str
) -> None:
    given = answer(ONE, approved(held, "anna"))
    assert (given.outcome, given.evidence, given.awaits) == (Outcome.PENDING, (), "approval")
    assert given.observed == f"0 of 1 approval(s) given. Not counted: anna, who {why}."
    with_berta = answer(ONE, approved(held, "anna", "berta"))
    assert (with_berta.outcome, with_berta.evidence) == (Outcome.ALLOW, ("a2",))
    assert with_berta.observed == f"1 of 1 approval(s) given. Not counted: anna, who {why}."
    others = [one for one in ("requester", "author", "committer", "evidence_signers") if one != duty]
    assert answer(ONE | {"separate_from": others}, approved(held, "anna")).outcome is Outcome.ALLOW


def test_everybody_who_does_not_count_is_named_with_all_reasons() -> None:
    held = made_by(source=SOURCE.model_copy(update={"author": "anna"}), evidence=signed_by("anna"))
    given = answer(ONE, approved(held, "rita", "anna"))
    assert given.observed == (
        "0 of 1 approval(s) given. Not counted: anna, who wrote its commit and signed evidence; "
        "rita, who asked for this."
    )
    assert on_the_page(given.observed)


def test_their_refusal_still_counts() -> None:
    held = made_by(evidence=signed_by("anna"))
    refused = held.with_item(item("a9", approval("anna", held.evidence_set_digest, "rejected")))
    given = answer(ONE, approved(refused, "berta"))
    assert (given.outcome, given.observed) == (Outcome.DENY, "Refused by anna.")
    assert on_the_page(given.observed)
    assert on_the_page(given.remedy)


def test_evidence_that_does_not_count_and_approvals_separate_nobody() -> None:
    unverified = item("e2", passed(), verified=False, submitted_by="anna")
    foreign = item("e3", passed(), subjects=("sha256:" + "f" * 64,), submitted_by="anna")
    held = replace(made_by(), items=(item("e1", passed()), unverified, foreign))
    assert answer(ONE, approved(held, "anna")).outcome is Outcome.ALLOW
    own = item("a1", approval("anna", made_by().evidence_set_digest), submitted_by="anna")
    torn = item("a2", UnreadableFacts(where="x", problem="y"), predicate_type=APPROVAL_TYPE, submitted_by="anna")
    assert answer(ONE, made_by().with_item(own).with_item(torn)).outcome is Outcome.ALLOW
    distrusted = item("e1", passed(), submitted_by="anna", distrusted=True)
    assert answer(ONE, approved(made_by(evidence=distrusted), "anna")).outcome is Outcome.PENDING


def test_each_role_has_a_quorum_of_its_own() -> None:
    held = approved(made_by(), "anna")
    given = answer(BOTH, held)
    assert (given.outcome, given.observed) == (
        Outcome.PENDING,
        "1 of 2 approval(s) given in the role approver, 0 of 1 in the role security.",
    )
    assert on_the_page(given.observed)
    assert on_the_page(given.remedy)
    enough = answer(BOTH, approved(held, "berta", ("sam", Role.SECURITY)))
    assert (enough.outcome, enough.evidence) == (Outcome.ALLOW, ("a1", "a2", "a3"))
    assert answer(BOTH, approved(held, "berta", "carl", ("sam", Role.ADMIN))).outcome is Outcome.PENDING
    assert "in the role security," in answer(BOTH, approved(held, "berta")).remedy
    refused = held.with_item(item("a9", approval("zoe", held.evidence_set_digest, "rejected", role=Role.SECURITY)))
    assert answer(BOTH, refused).outcome is Outcome.DENY


def test_one_person_counts_in_one_role_and_in_the_one_that_helps() -> None:
    pair = rule("approvals", role="approver", also=[{"role": "security"}])
    in_both = approved(made_by(), "anna", ("anna", Role.SECURITY))
    assert answer(pair, in_both).outcome is Outcome.PENDING
    assert answer(pair, approved(in_both, "berta")).outcome is Outcome.ALLOW
    assert answer(pair, approved(in_both, ("berta", Role.SECURITY))).outcome is Outcome.ALLOW
    assert answer(rule("approvals", role="approver", count=2), in_both).outcome is Outcome.PENDING


def test_a_refusal_in_one_role_is_not_taken_back_in_another() -> None:
    held = made_by()
    refused = held.with_item(item("a9", approval("anna", held.evidence_set_digest, "rejected"), age=5 * HOUR))
    assert answer(BOTH, approved(refused, ("anna", Role.SECURITY), "berta", "carl")).outcome is Outcome.DENY


def test_old_approvals_do_not_allow_and_old_refusals_deny() -> None:
    written = ONE | {"max_age": "3d"}
    old = answer(written, approved(made_by(), "anna", age=timedelta(days=4)))
    assert (old.outcome, old.evidence) == (Outcome.PENDING, ())
    assert old.observed == "0 of 1 approval(s) given. 1 approval(s) are more than 3d old."
    assert on_the_page(old.observed)
    edge = answer(written, approved(made_by(), "anna", age=timedelta(days=3)))
    assert (edge.outcome, edge.valid_until) == (Outcome.ALLOW, NOW)
    held = made_by()
    refused = item("a9", approval("anna", held.evidence_set_digest, "rejected"), age=timedelta(days=9))
    assert answer(written, held.with_item(refused)).outcome is Outcome.DENY
    assert answer(ONE, approved(made_by(), "anna", age=timedelta(days=4))).valid_until is None


def test_it_holds_until_the_youngest_that_suffice_are_too_old() -> None:
    written = BOTH | {"max_age": "3d", "count": 1}
    held = approved(made_by(), "anna", age=50 * HOUR)
    held = approved(held, ("anna", Role.SECURITY), age=10 * HOUR)
    held = approved(held, "berta", age=20 * HOUR)
    assert answer(written, held).valid_until == NOW + timedelta(hours=72 - 20)
    assert answer(written, approved(held, ("sam", Role.SECURITY), age=60 * HOUR)).valid_until == NOW + 52 * HOUR


def test_a_stale_decision_is_explained_as_before() -> None:
    other = item("a1", approval("anna", dossier().evidence_set_digest))
    says = "0 of 1 approval(s) given. 1 decision(s) were made on other evidence than is here now."
    assert answer(ONE, made_by().with_item(other)).observed == says
    assert on_the_page(says)


def test_what_is_required_says_who_may_not_approve() -> None:
    assert answer(ONE | {"separate_from": ["requester"]}, made_by()).required == (
        "1 approval(s) in the role approver for the stage prod, for exactly this evidence, "
        "by others than the requester."
    )
    assert answer(BOTH | {"max_age": "3d"}, made_by()).required == (
        "2 approval(s) in the role approver and 1 in the role security, each by another person for the stage prod, for "
        "exactly this evidence, at most 3d old, by others than the requester, the author, the committer and whoever "
        "signed or handed in the evidence."
    )


@pytest.mark.parametrize("waivable", [False, True])
def test_a_waiver_takes_the_place_of_approvals_only_where_the_policy_lets_it(*, waivable: bool) -> None:
    granted = granted_waiver("approvals", WaivedSubject(artifact=VERSION))
    verdict = judge(made_by(waivers=(granted,)), policy(ONE | {"waivable": waivable}))
    assert (verdict.outcome is Outcome.ALLOW) is waivable


def test_a_waived_refusal_is_no_approval() -> None:
    held = made_by()
    seen = held.evidence_set_digest
    refused = held.with_item(item("a9", approval("anna", seen, "rejected")))
    assert answer(ONE | {"waivable": True}, refused).violations[1].says == "0 of 1 approval(s) given"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"separate_from": []}, "`requester` belongs here always"),
        ({"separate_from": ["author"]}, "`requester` belongs here always"),
        ({"separate_from": ["requester", "boss"]}, "separate_from"),
        ({"also": []}, "also"),
        ({"also": [{"role": "approver"}]}, "every role is named once"),
        ({"also": [{"role": "security"}, {"role": "security"}]}, "every role is named once"),
        ({"also": [{"role": "security", "count": 0}]}, "also"),
        ({"max_age": "3"}, "max_age"),
    ],
)
def test_what_would_let_people_approve_their_own_work_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policy(document(ONE | fields))
    assert raised.value.code == "policy_malformed"
    assert says in raised.value.message


def test_the_order_in_which_duties_are_written_is_one_policy() -> None:
    one = policy(ONE | {"separate_from": ["author", "requester", "author"]})
    assert one.digest == policy(ONE | {"separate_from": ["requester", "author"]}).digest
    assert policy(ONE).digest != one.digest


_PEOPLE = st.sampled_from(["anna", "berta", "carl", "ada", "rita"])
_ROLES = st.sampled_from([Role.APPROVER, Role.SECURITY, Role.ADMIN])
_ANSWERS = st.lists(st.tuples(_PEOPLE, _ROLES, st.integers(1, 9)), max_size=8, unique_by=lambda one: one[:2])
_SEATS = st.dictionaries(_ROLES, st.integers(1, 2), min_size=1)


def as_answers(drawn: list[tuple[str, Role, int]]) -> list[Answer]:
    return [Answer(who, role, NOW - timedelta(days=age), f"a{n}") for n, (who, role, age) in enumerate(drawn)]


def most(seats: dict[Role, int], answers: list[Answer]) -> int:
    """As `counted`, by trying everything."""
    for size in range(len(answers), 0, -1):
        for chosen in combinations(answers, size):
            people = {one.who for one in chosen}
            by_role = {role: sum(one.role is role for one in chosen) for role in seats}
            if (
                len(people) == size
                and all(by_role[role] <= seats[role] for role in seats)
                and sum(by_role.values()) == size
            ):
                return size
    return 0


@given(_SEATS, _ANSWERS)
def test_as_many_seats_are_filled_as_can_be(seats: dict[Role, int], drawn: list[tuple[str, Role, int]]) -> None:
    answers = [one for one in as_answers(drawn) if one.role in seats]
    found = counted(seats, answers)
    assert sum(found.values()) == most(seats, answers)
    assert all(found[role] <= seats[role] for role in seats)
    since = suffices_since(seats, answers)
    full = sum(seats.values())
    if since is None:
        assert sum(found.values()) < full
    else:
        assert most(seats, [one for one in answers if one.made_at >= since]) == full
        assert most(seats, [one for one in answers if one.made_at > since]) < full


@given(_ANSWERS, st.lists(st.booleans(), min_size=8, max_size=8), st.randoms(use_true_random=False))
def test_no_withholding_distrust_age_or_order_opens(
    drawn: list[tuple[str, Role, int]], refuses: list[bool], shuffler: random.Random
) -> None:
    written = policy(BOTH | {"count": 1, "max_age": "7d"})
    held = made_by(source=SOURCE)
    seen = held.evidence_set_digest
    pieces = [
        item(
            f"a{n}",
            approval(who, seen, "rejected" if refuses[n] and age % 3 == 0 else "approved", role=role),
            age=timedelta(days=age),
        )
        for n, (who, role, age) in enumerate(drawn)
    ]
    whole = replace(held, items=(*held.items, *pieces))
    before = judge(whole, written)
    assert judge(replace(whole, items=tuple(shuffler.sample(whole.items, len(whole.items)))), written) == before
    for piece in pieces:
        left = tuple(one for one in whole.items if one is not piece)
        doubted = piece.model_copy(update={"distrusted": True})
        if before.outcome is not Outcome.ALLOW:
            if piece.facts.kind == "approval" and piece.facts.decision == "approved":
                assert judge(replace(whole, items=left), written).outcome is not Outcome.ALLOW
            assert judge(replace(whole, items=(*left, doubted)), written).outcome is not Outcome.ALLOW
    aged = tuple(one.model_copy(update={"made_at": one.made_at - timedelta(days=3)}) for one in whole.items)
    after = judge(replace(whole, items=aged), written)
    assert not (before.outcome is Outcome.PENDING and after.outcome is Outcome.ALLOW)
    assert (before.outcome is Outcome.DENY) == (after.outcome is Outcome.DENY)


def answered_by(kind: ActorKind, decision: str = "approved") -> Dossier:
    held = made_by()
    facts = approval("bot", held.evidence_set_digest, decision, approver_kind=kind)  # type: ignore[arg-type]
    return held.with_item(item("a1", facts, age=HOUR))


@pytest.mark.parametrize("kind", [kind for kind in ActorKind if kind is not ActorKind.HUMAN])
def test_an_agent_never_approves_by_default_and_does_where_the_rule_names_it(kind: ActorKind) -> None:
    by_default = answer(ONE, answered_by(kind))
    assert (by_default.outcome, by_default.approver_kinds) == (Outcome.PENDING, ())
    assert answer(ONE, answered_by(ActorKind.HUMAN)).outcome is Outcome.ALLOW
    named = rule("approvals", role="approver", kinds=[kind.value])
    assert answer(named, answered_by(kind)).outcome is Outcome.ALLOW
    assert answer(named, answered_by(ActorKind.HUMAN)).outcome is Outcome.PENDING
    assert answer(named, made_by()).approver_kinds == (kind,), "the door lets them answer"
    assert answer(ONE, answered_by(kind, "rejected")).outcome is Outcome.DENY, "anybody's refusal counts"
