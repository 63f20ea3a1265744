"""Who may answer for a version (abuse case 46)."""

import pytest

from contracts.vocabulary import Actor, ActorKind, Outcome, SourceCommit
from services.promotion.domain.approving import check_approver
from services.promotion.domain.promotion import Promotion
from shared.errors import Conflict, Forbidden
from tests.unit.promotion.promotion_builders import (
    ALLOW,
    AWAITS_APPROVAL,
    CHECKING,
    NOW,
    a_finding,
    a_promotion,
    a_verdict,
    advance,
    after,
    attested,
)

SOURCE = SourceCommit(repository="r", commit="0123abc", author="Wanda@example.com", committer="carl")


def waiting(**fields: object) -> Promotion:
    known = {"requested_by": "rita", "registered_by": "ci-bot", "source": SOURCE} | fields
    return advance(a_promotion(**known), AWAITS_APPROVAL, NOW)


def a_person(subject: str, kind: ActorKind = ActorKind.HUMAN) -> Actor:
    return Actor(subject=subject, kind=kind)


def refusal(promotion: Promotion, actor: Actor) -> str:
    with pytest.raises(Forbidden) as refused:
        check_approver(promotion, actor)
    assert refused.value.remedy
    return refused.value.code


def test_whoever_has_no_part_in_a_version_may_answer_for_it() -> None:
    promotion = waiting()
    assert check_approver(promotion, a_person("bob")) is promotion.verdict
    assert check_approver(waiting(source=None), a_person("carl"))


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("rita", "approval_own_request"),
        ("RITA", "approval_own_request"),
        ("ci-bot", "approval_own_version"),
        ("Wanda@example.com", "approval_own_version"),
        ("wanda@EXAMPLE.com ", "approval_own_version"),
        ("carl", "approval_own_version"),
    ],
)
def test_nobody_approves_their_own_request_or_their_own_version(subject: str, code: str) -> None:
    assert refusal(waiting(), a_person(subject)) == code


def test_an_agent_answers_where_a_rule_that_awaits_it_says_so_and_nowhere_else() -> None:
    asks = a_finding(Outcome.PENDING, awaits="approval", approver_kinds=(ActorKind.HUMAN, ActorKind.AGENT))
    promotion = advance(a_promotion(), a_verdict(Outcome.PENDING, asks), NOW)
    assert check_approver(promotion, a_person("bot", ActorKind.AGENT)) is promotion.verdict
    assert refusal(promotion, a_person("ci", ActorKind.PIPELINE)) == "approval_not_human"
    waived = asks.model_copy(update={"waived": ("wv-1",)})
    settled = advance(
        a_promotion(), a_verdict(Outcome.PENDING, waived, a_finding(Outcome.PENDING, awaits="tests")), NOW
    )
    assert refusal(settled, a_person("bot", ActorKind.AGENT)) == "approval_not_human"


def test_who_had_a_hand_in_a_draft_does_not_answer_for_the_version() -> None:
    assert refusal(waiting(contributors=("dora",)), a_person("Dora")) == "approval_own_version"


@pytest.mark.parametrize("kind", [kind for kind in ActorKind if kind is not ActorKind.HUMAN])
def test_agents_pipelines_and_services_never_approve(kind: ActorKind) -> None:
    assert refusal(waiting(), a_person("bob", kind)) == "approval_not_human"


def test_names_that_nobody_said_make_nobody_an_author() -> None:
    unsaid = SourceCommit(repository="r", commit="0123abc", author=" ", committer=None)
    assert check_approver(waiting(source=unsaid, registered_by=""), a_person("bob"))


def test_a_promotion_from_before_its_maker_was_kept_can_still_be_read_and_approved() -> None:
    old = waiting().model_dump(exclude={"registered_by"})
    old["verdict"] = {
        name: value for name, value in old["verdict"].items() if name not in {"waivers", "may_be_trusted"}
    }
    promotion = Promotion.model_validate(old)
    assert promotion.verdict is not None
    assert (promotion.registered_by, promotion.verdict.may_be_trusted, promotion.verdict.waivers) == ("", True, ())
    assert check_approver(promotion, a_person("bob"))


@pytest.mark.parametrize("promotion", [CHECKING, after(ALLOW), after(ALLOW, attested())])
def test_what_awaits_no_answer_gets_none(promotion: Promotion) -> None:
    with pytest.raises(Conflict) as refused:
        check_approver(promotion, a_person("bob"))
    assert refused.value.code == "approval_not_awaited"
