"""Which facts webhooks get, and what becomes of deliveries."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.webhooks.delivery import (
    LONGEST_WAIT,
    Attempt,
    Delivery,
    DeliveryState,
    Patience,
    replayed,
    settled,
    why_disable,
    wished_seconds,
)
from services.gateway.webhooks.sealing import Sealer
from services.gateway.webhooks.webhook import (
    Format,
    HeardFact,
    Secret,
    Webhook,
    WebhookState,
    delivery_id,
    heard,
    wants,
)
from shared.errors import Conflict

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WEBHOOK = Webhook(
    webhook_id="wh-1",
    project="shop",
    url="https://hooks.example/x",
    shown="https://hooks.example",
    events=("promotion.completed", "release.*"),
    applications=(),
    format=Format.HALLMARK,
    secrets=(Secret(b"new"), Secret(b"old", NOW)),
    state=WebhookState.ACTIVE,
    stream="s",
    after=5,
    since=NOW,
    created_by="ann",
    created_at=NOW,
)
CDEVENTS = replace(WEBHOOK, format=Format.CDEVENTS)


def a_fact(
    words: str = "promotion.promotion.completed", place: str = "shop.web", sequence: int = 6, **more: str
) -> HeardFact:
    headers = {"Nats-Msg-Id": "m-1", "ce-id": "m-1", "hallmark-correlation-id": "c", **more}
    return heard("s", sequence, f"hallmark.evt.{words}.v1.{place}", headers, b"{}")


def a_cdevent(event: str | None) -> HeardFact:
    body = json.dumps({"customData": {"hallmark": {"event": event}} if event else None}).encode()
    return heard("s", 6, "hallmark.evt.promotion.cdevent.published.v1.shop.web", {}, body)


@pytest.mark.parametrize(
    ("webhook", "fact", "gets"),
    [
        (WEBHOOK, a_fact(), True),
        (WEBHOOK, a_fact("promotion.release.trusted"), True),
        (WEBHOOK, a_fact("promotion.promotion.ended"), False),
        (WEBHOOK, a_fact(place="bank.web"), False),
        (WEBHOOK, a_fact(place="_._"), False),
        (WEBHOOK, a_fact(sequence=5), False),
        (replace(WEBHOOK, stream="another"), a_fact(sequence=5), True),
        (replace(WEBHOOK, stream="another"), a_fact(sequence=5, **{"ce-time": "2026-01-02T03:04:05.000000Z"}), True),
        (replace(WEBHOOK, stream="another"), a_fact(sequence=7, **{"ce-time": "2026-01-02T03:04:04.999999Z"}), False),
        (replace(WEBHOOK, stream="another"), a_fact(sequence=6, **{"ce-time": "1999-01-01"}), True),
        (WEBHOOK, a_fact(sequence=6, **{"ce-time": "2026-01-02T03:04:04.999999Z"}), True),
        (replace(WEBHOOK, applications=("api", "web")), a_fact(), True),
        (replace(WEBHOOK, applications=("api",)), a_fact(), False),
        (replace(WEBHOOK, applications=("api",)), a_fact(place="shop._"), False),
        (replace(WEBHOOK, state=WebhookState.PAUSED), a_fact(), True),
        (replace(WEBHOOK, state=WebhookState.DISABLED), a_fact(), False),
        (replace(WEBHOOK, state=WebhookState.DELETED), a_fact(), False),
        (replace(WEBHOOK, events=("*.*",)), a_cdevent("promotion.completed"), False),
        (CDEVENTS, a_cdevent("promotion.completed"), True),
        (CDEVENTS, a_cdevent("promotion.requested"), False),
        (CDEVENTS, a_cdevent(None), False),
        (CDEVENTS, a_fact(), False),
        (replace(CDEVENTS, events=("*.*",)), a_cdevent(None), True),
        (
            replace(CDEVENTS, events=("*.*",)),
            heard("s", 6, "hallmark.evt.x.cdevent.published.v1.shop.web", {}, b"\xff"),
            True,
        ),
    ],
)
def test_who_gets_what(webhook: Webhook, fact: HeardFact, gets: bool) -> None:
    assert wants(webhook, fact) is gets


def test_only_cloudevents_attributes_go_out() -> None:
    assert a_fact().headers == {"ce-id": "m-1"}


def test_ids_come_of_webhook_and_event() -> None:
    assert delivery_id("wh-1", "m") == delivery_id("wh-1", "m") != delivery_id("wh-2", "m") != delivery_id("wh-2", "n")
    assert heard("s", 9, "hallmark.evt.a.b.c.v1.d.e", {}, b"").event_id == "s.9"


def test_a_secret_counts_until_its_end() -> None:
    assert [one.sealed for one in WEBHOOK.secrets_at(NOW - timedelta(seconds=1))] == [b"new", b"old"]
    assert [one.sealed for one in WEBHOOK.secrets_at(NOW)] == [b"new"]


def test_secrets_open_with_the_same_key_for_the_same_webhook_only() -> None:
    key = Ed25519PrivateKey.generate()
    sealed = Sealer(key).seal("wh-1", b"secret" * 5)
    assert Sealer(key).open("wh-1", sealed) == b"secret" * 5
    assert b"secret" not in sealed
    assert Sealer(key).seal("wh-1", b"secret" * 5) != sealed
    for sealer, webhook_id in ((Sealer(key), "wh-2"), (Sealer(Ed25519PrivateKey.generate()), "wh-1")):
        with pytest.raises(Conflict) as refused:
            sealer.open(webhook_id, sealed)
        assert refused.value.code == "webhook_secret_unreadable"


DELIVERY = Delivery("msg_1", "wh-1", "shop", "web", "promotion.completed", {}, b"{}", NOW, NOW, tries=1)
PATIENCE = Patience()


def attempt(status: int | None, problem: str = "bad") -> Attempt:
    return Attempt(NOW, 500, status, problem)


def test_a_delivery_that_is_taken_is_delivered() -> None:
    after = settled(DELIVERY, attempt(204, ""), PATIENCE, chance=0.5)
    assert (after.state, len(after.attempts)) == (DeliveryState.DELIVERED, 1)


def test_attempts_are_ever_further_apart_for_about_a_day() -> None:
    waits, delivery = [], DELIVERY
    while delivery.state is DeliveryState.PENDING:
        after = settled(delivery, attempt(500), PATIENCE, chance=0.5)
        waits.append(after.next_at - NOW)
        delivery = replace(after, tries=after.tries + 1)
    waits.pop()
    assert delivery.state is DeliveryState.DEAD
    assert len(waits) == PATIENCE.tries - 1
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=10.5)
    assert max(waits) == LONGEST_WAIT + timedelta(milliseconds=500)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=26)


def test_jitter_spreads_attempts_by_a_fifth() -> None:
    assert PATIENCE.wait(1, 0.0) == timedelta(seconds=8)
    assert PATIENCE.wait(1, 1.0) == timedelta(seconds=12)
    assert PATIENCE.wait(10_000, 0.5) == LONGEST_WAIT


def test_a_receiver_may_ask_for_an_hour_and_no_more() -> None:
    for asked, granted in ((60.0, 60), (1.0, 10), (10**9, 3600)):
        after = settled(DELIVERY, attempt(429), PATIENCE, chance=0.5, retry_after=asked)
        assert after.next_at - NOW == timedelta(seconds=granted, milliseconds=500)
    assert [wished_seconds(text) for text in ("7", " 7 ", None, "", "-1", "soon", "9" * 30, "٣")] == [
        7.0,
        7.0,
        *[None] * 6,
    ]


def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    assert settled(DELIVERY, attempt(410), PATIENCE, chance=0.5).state is DeliveryState.DEAD


def test_a_receiver_that_has_taken_nothing_for_days_is_given_up() -> None:
    days = timedelta(days=3)
    assert why_disable(attempt(500), NOW - days, days).startswith("it has taken nothing since 2025-12-30T")
    assert why_disable(attempt(410), None, days) == "its receiver answered that it is gone"
    for status, problem, since in (
        (500, "bad", None),
        (500, "bad", NOW - days + timedelta(seconds=1)),
        (204, "", NOW - days),
    ):
        assert why_disable(attempt(status, problem), since, days) == ""


def test_only_the_newest_attempts_are_remembered() -> None:
    delivery = DELIVERY
    for status in range(500, 530):
        delivery = settled(delivery, attempt(status), Patience(tries=100), chance=0.5)
    assert [one.status for one in delivery.attempts] == list(range(510, 530))


def test_a_replay_keeps_the_id_and_has_all_its_tries() -> None:
    again = replayed(replace(DELIVERY, state=DeliveryState.DEAD, tries=15, attempts=(attempt(500),)), NOW)
    assert (again.delivery_id, again.state, again.tries) == ("msg_1", DeliveryState.PENDING, 0)
    assert again.attempts == (attempt(500),), "what was tried is never forgotten"
