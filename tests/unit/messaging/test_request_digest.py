from contracts.registry.v1.commands import ApplyProject
from shared.messaging.dispatcher import request_digest


class ApplyProjectOfTomorrow(ApplyProject):
    colour: str | None = None
    labels: tuple[str, ...] = ()


BODY = {"command_id": "c-1", "project": "shop", "title": "Shop"}


def test_a_request_repeated_across_an_upgrade_is_the_same() -> None:
    assert request_digest(ApplyProject.model_validate(BODY)) == request_digest(
        ApplyProjectOfTomorrow.model_validate(BODY)
    )


def test_whatever_a_request_says_makes_it_another() -> None:
    digests = {
        request_digest(ApplyProjectOfTomorrow.model_validate(BODY | more))
        for more in ({}, {"title": "Store"}, {"project": "store"}, {"colour": "red"}, {"labels": ("a",)})
    }
    assert len(digests) == 5
