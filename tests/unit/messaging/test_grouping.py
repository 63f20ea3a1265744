"""A group keeps its messages in order, tells repeats apart, and says when it is full."""

import asyncio
from datetime import UTC, datetime

import pytest

from contracts.evidence.v1.commands import SubmitEvidence
from contracts.headers import Meta
from shared.errors import Busy, Invalid
from shared.messaging.grouping import MOST_WAITING, Group, Joined
from tests.support.builders import a_message

META = Meta(message_id="m", correlation_id="c", source="/x", time=datetime(2026, 11, 23, tzinfo=UTC))


def joined(key: str) -> Joined:
    return Joined(a_message(SubmitEvidence), META, key, "request", None, None)


async def join(group: Group, *keys: str) -> list[tuple[Joined, "asyncio.Task[object]"]]:
    made = [joined(key) for key in keys]
    tasks = [asyncio.create_task(group.join(one)) for one in made]
    await asyncio.sleep(0)
    return list(zip(made, tasks, strict=True))


async def test_messages_are_taken_in_order_and_get_their_own_outcomes() -> None:
    arrived = asyncio.Event()
    group = Group(arrived)
    waiting = await join(group, "a", "b", "c")
    assert arrived.is_set()
    assert [one.key for one in group.take(2)] == ["a", "b"]
    assert [one.key for one in group.take(2)] == ["c"]
    for (one, _), outcome in zip(waiting, ({"n": 1}, Invalid("x_y", "No."), None), strict=True):
        one.settle(outcome)
    results = await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)
    assert (results[0], str(results[1]), results[2]) == ({"n": 1}, "No.", None)


async def test_a_repeat_waits_for_the_commit_after_the_first() -> None:
    group = Group(asyncio.Event())
    await join(group, "a", "a", "b")
    assert [one.key for one in group.take(10)] == ["a", "b"]
    assert [one.key for one in group.take(10)] == ["a"]


async def test_what_is_put_back_is_next_again_in_its_order() -> None:
    group = Group(asyncio.Event())
    await join(group, "a", "b", "c")
    group.put_back(group.take(2))
    assert [one.key for one in group.take(3)] == ["a", "b", "c"]


async def test_whoever_gave_up_waiting_is_left_out() -> None:
    group = Group(asyncio.Event())
    [(one, task), _] = await join(group, "a", "b")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [left.key for left in group.take(3)] == ["b"]
    one.settle(None)


async def test_a_full_group_asks_to_come_later() -> None:
    group = Group(asyncio.Event())
    waiting = await join(group, *(str(number) for number in range(MOST_WAITING)))
    with pytest.raises(Busy) as refused:
        await group.join(joined("one more"))
    assert refused.value.retry_after > 0
    assert len(group) == MOST_WAITING
    for _, task in waiting:
        task.cancel()
