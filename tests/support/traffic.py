"""Many promotions at a time, each with an end that is known before: what runs while things are broken on purpose.

- A journey is one version and two promotions: into `dev`, whose gates are open, and into `qa`, which asks for tests.
- Most versions have passed their tests; of some the evidence comes late, while the gates wait for it; some have failed,
  and must be denied. Which ones follows from the seed, as do all names and keys: the same journey can be told to go on.
- Each lane is an application and has one promotion under way: an application's stage takes one at a time.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.evidence.v1.commands import Receipt
from services.promotion.domain.promotion import FINAL
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.support.impatient import Impatient, UnansweredError
from tests.support.recorded import Acknowledged
from tests.support.shop import POLICY, TEST_RESULT

GOOD, LATE, BAD = "good", "late", "bad"
_SHARES = (GOOD,) * 8 + (LATE, BAD)
_ENDED = {state.value for state in FINAL}
_NOT_SEEN_YET = frozenset({404})
"""A primary that was just chosen may not show yet what a majority has. What is lost stays so, and is found."""
_FIRST_LOOK, _RAREST_LOOK = 0.3, 2.0
_PATIENCE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Journey:
    """One version on its way."""

    application: str
    version: str
    sort: str

    @property
    def name(self) -> str:
        return f"{self.application}/{self.version}"

    @property
    def ends(self) -> dict[str, str]:
        """How its promotions must end, by stage."""
        return {"dev": "completed", "qa": "denied" if self.sort == BAD else "completed"}


def lanes_of(promotions: int, at_once: int, seed: int) -> list[list[Journey]]:
    """So many promotions (an even number) in so many lanes."""
    drawn = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lanes: list[list[Journey]] = [[] for _ in range(at_once)]
    for number in range((promotions + 1) // 2):
        lane = number % at_once
        lanes[lane].append(Journey(f"app-{lane}", f"1.{number // at_once}", drawn.choice(_SHARES)))
    return lanes


@dataclass
class Traffic:
    """Drives the journeys, and keeps what was acknowledged and how each promotion went."""

    client: Impatient
    key: keys.PrivateKey
    note: Callable[..., None] = lambda **_: None
    """Keeps one line of the history."""
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    promotions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Ended ones as they were shown, by `application/version/stage`."""
    problems: list[str] = field(default_factory=list)
    give_up_after: float = 300.0
    """Seconds after which a promotion that has not ended is a problem."""

    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the journeys under way are the last ones."""

    async def set_up(self, lanes: int) -> None:
        """The project with its stages, its policy and an application for each lane."""
        stages = [{"name": "dev", "open": ["entry", "exit"]}, {"name": "qa"}, {"name": "prod"}]
        root = {"keys": [keys.public_pem(self.key.public_key())], "predicate_types": [TEST_RESULT], "role": "test"}
        await self.client.ask("PUT", "/projects/shop", json={"title": "Shop"})
        await self.client.ask("PUT", "/projects/shop/lifecycles/default", json={"stages": stages})
        await self.client.ask("PUT", "/projects/shop/trust-roots/test", json=root)
        await self.client.ask("PUT", "/projects/shop/policies/qa", json={"document": POLICY})
        for lane in range(lanes):
            await self.client.ask("PUT", f"/projects/shop/applications/app-{lane}", json={})

    async def run(self, lanes: list[list[Journey]]) -> None:
        """All journeys, those of a lane one after the other."""
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(self._lane(lane))

    async def _lane(self, journeys: list[Journey]) -> None:
        for journey in journeys:
            if self.enough.is_set():
                return
            try:
                await self.travel(journey)
            except AssertionError as error:  # What is wrong with one must not end the others.
                self.problem(f"{journey.name}: {error}")

    def recall(self, line: dict[str, Any]) -> None:
        """Take one line of a history that an earlier run kept."""
        match line["what"]:
            case "version":
                self.acknowledged.versions.add(line["key"])
            case "receipt":
                self.acknowledged.receipts.append(Receipt.model_validate(line["receipt"]))
            case "promotion":
                self.acknowledged.promotions.add(line["id"])
            case "ended":
                self.promotions[f"{line['journey']}/{line['stage']}"] = line["view"]

    def problem(self, text: str) -> None:
        self.problems.append(text)
        self.note(what="problem", text=text)

    async def travel(self, journey: Journey) -> None:
        """One version, from its creation to the end of its last promotion."""
        if f"{journey.name}/qa" in self.promotions:
            return  # Told to go on, and this one had ended.
        await self._create(journey)
        if journey.sort != LATE:
            await self._hand_in(journey)
        for stage, end in journey.ends.items():
            promotion_id = await self._request(journey, stage)
            if stage == "qa" and journey.sort == LATE:
                await self._hand_in(journey)
            ended = await self._follow(promotion_id)
            self.promotions[f"{journey.name}/{stage}"] = ended
            self.note(what="ended", journey=journey.name, stage=stage, view=ended)
            if ended["state"] != end:
                self.problem(f"{journey.name} should be {end} at {stage} and is {ended['state']}: {promotion_id}")

    async def _create(self, journey: Journey) -> None:
        artifact = {"purl": f"pkg:pypi/{journey.application}@{journey.version}", "digest": _digest(journey)}
        body = {"version": journey.version, "artifacts": [artifact]}
        path = f"/projects/shop/applications/{journey.application}/versions"
        await self.client.ask("POST", path, f"create-{journey.name}", json=body)
        self.acknowledged.versions.add(f"shop/{journey.name}")
        self.note(what="version", key=f"shop/{journey.name}")

    async def _hand_in(self, journey: Journey) -> None:
        body = self.envelope(journey)
        answer = await self.client.ask("POST", "/projects/shop/evidence", f"evidence-{journey.name}", content=body)
        self.acknowledged.receipts.append(Receipt.model_validate_json(answer.content))
        self.note(what="receipt", receipt=answer.json())

    async def _request(self, journey: Journey, stage: str) -> str:
        body = {
            "application": journey.application,
            "version": journey.version,
            "to_stage": stage,
            "patience_seconds": _PATIENCE_SECONDS,
        }
        answer = await self.client.ask("POST", "/projects/shop/promotions", f"{journey.name}-{stage}", json=body)
        promotion_id: str = answer.json()["promotion_id"]
        self.acknowledged.promotions.add(promotion_id)
        self.note(what="promotion", id=promotion_id, journey=journey.name, stage=stage)
        return promotion_id

    async def _follow(self, promotion_id: str) -> dict[str, Any]:
        give_up = time.monotonic() + self.give_up_after
        pause = _FIRST_LOOK
        while True:
            await asyncio.sleep(pause)
            path = f"/projects/shop/promotions/{promotion_id}"
            answer = await self.client.ask("GET", path, again=_NOT_SEEN_YET)
            seen: dict[str, Any] = answer.json()
            if seen["state"] in _ENDED:
                return seen
            if time.monotonic() > give_up:
                raise UnansweredError(f"promotion {promotion_id} is still {seen['state']}: {seen['history'][-1:]}")
            pause = min(pause * 1.5, _RAREST_LOOK)

    def envelope(self, journey: Journey) -> bytes:
        """Its signed test result."""
        failed = journey.sort == BAD
        tests = {"failedTests": ["a"]} if failed else {"passedTests": ["a"]}
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": _digest(journey).removeprefix("sha256:")}}],
            "predicateType": TEST_RESULT,
            "predicate": {"result": "FAILED" if failed else "PASSED", "configuration": [], **tests},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.key])

    def durations(self) -> list[float]:
        """Seconds from request to end of every promotion, as the system recorded them, sorted."""
        ends = [(one["history"][0], one["history"][-1]) for one in self.promotions.values()]
        return sorted((_at(last) - _at(first)).total_seconds() for first, last in ends)

    def steps(self) -> list[datetime]:
        """When any promotion took any step, in order."""
        return sorted(_at(step) for one in self.promotions.values() for step in one["history"])


def _digest(journey: Journey) -> str:
    return sha256_digest(journey.name.encode())


def _at(step: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(step["at"])
