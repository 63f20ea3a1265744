"""A small model and the real system, side by side, through whatever people, pipelines, time and deaths do to them.

- The model is `tests/support/promotion_model.py`; the system is every service twice, on a real NATS and MongoDB.
- After each step the system comes to rest. Then where every promotion and version stands, the pointers of every stage,
  and how often every fact was told must be as in the model.
- A few histories run with all tests; `HALLMARK_MODEL_EXAMPLES` says how many, `HALLMARK_SEED` which. Hypothesis prints
  a failing history as a program, as short as it can make it, and the file that keeps it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from contracts.answers import Applied
from contracts.evidence.v1.commands import ApplyTrustRoot, Receipt, SubmitEvidence
from contracts.gate.v1.commands import ApplyPolicy
from contracts.promotion.v1.commands import CancelPromotion, DecideApproval, RequestPromotion
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.commands import ApplyApplication, ApplyLifecycle, ApplyProject, CreateVersion
from contracts.registry.v1.queries import ShowApplication, ShowVersion
from contracts.registry.v1.views import ApplicationView, VersionView
from contracts.vocabulary import Role
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.errors import Conflict, Rejection
from tests.support.promotion_model import KINDS, STAGES, VERSIONS, Model
from tests.support.promotion_world import World, a_world

pytestmark = [
    pytest.mark.servers,
    # Who dies without ceremony closes nothing.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
T = TypeVar("T")
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
EXAMPLES = int(os.environ.get("HALLMARK_MODEL_EXAMPLES") or 4)
STEPS = 14
ONCE = ("promotion.requested", "promotion.completed", "promotion.ended", "version.moved", "release.trusted")
PATIENCE = st.sampled_from([timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)])
_projects = itertools.count()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """What dies and what is refused would fill the screen."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def world(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    entered = a_world(tmp_path_factory.mktemp("model"))
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


def policy(project: str, stage: str, gate: str, mode: str, rule: dict[str, Any]) -> ApplyPolicy:
    document = {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": project, "name": stage},
        "spec": {"gates": [{"stage": stage, "gate": gate}], "mode": mode, "rules": [rule]},
    }
    name = f"{stage}-{sha256_digest(os.urandom(8))[7:20]}"
    return ApplyPolicy(command_id=name, project=project, policy=stage, document=document)


TESTED = {"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "test"}
APPROVED = {
    "id": "people",
    "title": "Somebody answers for it",
    "kind": "approvals",
    "role": "approver",
    "separate_from": ["requester"],
}


class Histories(RuleBasedStateMachine):
    """One project, and everything that is done to it."""

    world: World
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.project = f"m{next(_projects)}"
        self.model = Model()
        self.commands = itertools.count()

    # What people and pipelines do.

    @initialize()
    def set_up(self) -> None:
        self._do(self._set_up())

    @rule(
        kind=st.sampled_from(["promote", "promote", "promote", *KINDS]),
        version=st.sampled_from(VERSIONS),
        to=st.sampled_from([None, None, *STAGES]),
        patience=PATIENCE,
        twice=st.booleans(),
    )
    def request(self, kind: str, version: str, to: str | None, patience: timedelta, twice: bool) -> None:  # noqa: FBT001
        if kind == "rollback" and to is None:
            to = "prod"
        self._tick()
        while any(one.deadline == self.world.clock() + patience for one in self.model.waiting()):
            patience += timedelta(seconds=1)
        command = RequestPromotion(
            command_id=self._id(),
            project=self.project,
            application="web",
            version=version,
            kind=kind,
            to_stage=to,
            reason="it is better so",
            patience_seconds=int(patience.total_seconds()),
        )
        refusal = self.model.refusal(kind, version, to)
        answer = self._ask(command, PromotionView, twice=twice, refusal=refusal)
        if refusal is None:
            assert answer is not None
            self.model.request(answer.promotion_id, kind, version, to, self.world.clock() + patience)
            assert answer.to_stage == self.model.wishes[-1].to
        self._compare()

    @rule(version=st.sampled_from(VERSIONS), result=st.sampled_from(["good", "good", "bad"]), twice=st.booleans())
    def test(self, version: str, result: str, twice: bool) -> None:  # noqa: FBT001
        self._tick()
        command = SubmitEvidence(command_id=self._id(), project=self.project, envelope=self._envelope(version, result))
        self._ask(command, Receipt, twice=twice)
        self.model.test(version, result)
        self._compare()

    @rule(blocks=st.booleans())
    def enforce(self, blocks: bool) -> None:  # noqa: FBT001
        self._tick()
        self._ask(policy(self.project, "qa", "entry", "block" if blocks else "warn", TESTED), Applied)
        self.model.enforce(blocks=blocks)
        self._compare()

    @precondition(lambda self: self.model.waiting())
    @rule(place=st.integers(0, 5), decision=st.sampled_from(["approved", "approved", "rejected"]))
    def answer(self, place: int, decision: str) -> None:
        self._tick()
        wish = self._waiting(place)
        command = DecideApproval(
            command_id=self._id(), project=self.project, promotion_id=wish.name, decision=decision, reason="seen"
        )
        refusal = None if self.model.may_answer(wish) else "approval_not_awaited"
        self._ask(command, PromotionView, by="bob", role=Role.APPROVER, refusal=refusal)
        if refusal is None:
            self.model.answer(wish, decision)
        self._compare()

    @precondition(lambda self: self.model.waiting())
    @rule(place=st.integers(0, 5), twice=st.booleans())
    def cancel(self, place: int, twice: bool) -> None:  # noqa: FBT001
        self._tick()
        wish = self._waiting(place)
        command = CancelPromotion(command_id=self._id(), project=self.project, promotion_id=wish.name)
        self._ask(command, PromotionView, twice=twice)
        self.model.cancel(wish)
        self._compare()

    # What happens to the system.

    @rule(wait=st.sampled_from([timedelta(seconds=31), timedelta(minutes=2), timedelta(hours=2), timedelta(days=2)]))
    def pass_time(self, wait: timedelta) -> None:
        for moment in self.model.pass_to(self.world.clock() + wait):
            self.world.clock.now = moment
            self._do(self.world.sweep())
            self._do(self.world.settle())
        self._compare()

    @rule(
        service=st.sampled_from(["registry", "evidence", "gate", "promotion", "monitoring"]), moments=st.integers(1, 9)
    )
    def die_soon(self, service: str, moments: int) -> None:
        self.world.deaths.arm(service, moments)

    @rule(
        service=st.sampled_from(["registry", "evidence", "gate", "promotion"]),
        place=st.integers(0, 60),
        number=st.integers(1, 3),
    )
    def send_again(self, service: str, place: int, number: int) -> None:
        self._do(self._send_again(service, place, number))
        self._compare()

    def teardown(self) -> None:
        """Whatever still waits is stopped, so that the next history has the system to itself."""
        self.world.deaths.left.clear()
        for wish in self.model.waiting():
            command = CancelPromotion(command_id=self._id(), project=self.project, promotion_id=wish.name)
            try:
                self._do(self.world.ask(command, PromotionView))
            except Rejection:
                continue  # It is about to fail anyway: the system was not as the model.

    # How it is done.

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def _tick(self) -> None:
        self.world.clock.advance(seconds=1)

    def _id(self) -> str:
        return f"{self.project}-{next(self.commands)}"

    def _waiting(self, place: int) -> Any:
        waiting = self.model.waiting()
        return waiting[place % len(waiting)]

    def _ask(
        self,
        command: Any,
        kind: type[T],
        *,
        by: str = "ann",
        role: Role = Role.ADMIN,
        twice: bool = False,
        refusal: str | None = None,
    ) -> T | None:
        """The answer, the same both times; or None after the refusal that was expected."""

        async def asked() -> list[Any]:
            asks = (self.world.ask(command, kind, by=by, role=role) for _ in range(1 + twice))
            return await asyncio.gather(*asks, return_exceptions=True)

        answers = self._do(asked())
        for one in answers:
            if isinstance(one, Exception) and not isinstance(one, Rejection):
                raise one
        codes = {one.code if isinstance(one, Rejection) else None for one in answers}
        assert codes == {refusal}, f"{codes}, where the model says {refusal}: {answers}"
        assert all(one == answers[0] for one in answers if refusal is None)
        return None if refusal else answers[0]

    async def _set_up(self) -> None:
        at = {"project": self.project}
        stages = [
            {"name": "dev", "open": ["entry", "exit"]},
            {"name": "qa", "open": ["exit"]},
            {"name": "prod", "open": ["entry"]},
        ]
        pem = keys.public_pem(self.world.key.public_key())
        root = {"trust_root": "ci", "keys": [pem], "predicate_types": [TESTS], "role": "test"}
        for command in (
            ApplyProject(command_id=self._id(), **at),
            ApplyLifecycle(command_id=self._id(), lifecycle="default", stages=stages, **at),
            ApplyApplication(command_id=self._id(), application="web", **at),
            ApplyTrustRoot(command_id=self._id(), **root, **at),
            policy(self.project, "qa", "entry", "block", TESTED),
            policy(self.project, "prod", "release", "block", APPROVED),
        ):
            await self.world.ask(command, Applied)
        for version in VERSIONS:
            artifact = {"purl": f"pkg:pypi/web@{version}", "digest": self._digest(version)}
            new = CreateVersion(command_id=self._id(), application="web", version=version, artifacts=[artifact], **at)
            await self.world.ask(new, VersionView)
        await self.world.settle()

    def _digest(self, version: str) -> str:
        return sha256_digest(f"{self.project} {version}".encode())

    def _envelope(self, version: str, result: str) -> str:
        names = {"passedTests": [self._id()]} if result == "good" else {"failedTests": [self._id()]}
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": self._digest(version).removeprefix("sha256:")}}],
            "predicateType": TESTS,
            "predicate": {"result": "PASSED" if result == "good" else "FAILED", "configuration": [], **names},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.world.key]).decode()

    async def _send_again(self, service: str, place: int, number: int) -> None:
        rows = await self.world.sent(service, self.project)
        if rows:
            for _ in range(number):
                await self.world.send_again(service, rows[place % len(rows)])

    def _compare(self) -> None:
        self._do(self.world.settle())
        seen, expected = self._do(self._seen()), self._expected()
        assert seen == expected, f"system and model differ: {_difference(seen, expected)}"

    def _expected(self) -> dict[str, Any]:
        model = self.model
        return {
            **{f"promotion {one.name}": (one.kind, one.version, one.to, one.state) for one in model.wishes},
            **{f"version {one}": (model.standing[one], tuple(model.held[one]), model.status[one]) for one in VERSIONS},
            **{
                f"stage {name}": (place.current, place.previous_good, tuple(place.quarantined))
                for name, place in model.places.items()
            },
            **{f"{kind} {name}": times for (kind, name), times in model.happened.items()},
        }

    async def _seen(self) -> dict[str, Any]:
        ask, at = self.world.ask, {"project": self.project}
        page, shown, *versions = await asyncio.gather(
            ask(ListPromotions(limit=200, **at), PromotionPage),
            ask(ShowApplication(application="web", **at), ApplicationView),
            *(ask(ShowVersion(application="web", version=version, **at), VersionView) for version in VERSIONS),
        )
        return {
            **{
                f"promotion {one.promotion_id}": (one.kind.value, one.version, one.to_stage, one.state.value)
                for one in page.promotions
            },
            **{f"version {one.version}": (one.stage, one.held, one.release_status.value) for one in versions},
            **{
                f"stage {one.stage}": (one.version, one.previous_good, tuple(q.version for q in one.quarantined))
                for one in shown.board
            },
            **await self._told(),
        }

    async def _told(self) -> dict[str, int]:
        """How often each fact was said: under how many message ids, since the stream itself may hold copies."""
        said = {
            (one.message_id, one.kind, one.body) for one in await self.world.read_facts(self.project) if one.message_id
        }
        found: Counter[str] = Counter()
        for _, kind, body in said:
            name = ".".join(kind.split(".")[3:5])
            if name in ONCE:
                found[f"{name} {json.loads(body)['promotion_id']}"] += 1
        return dict(found)


def _difference(seen: dict[str, Any], expected: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    different = (key for key in sorted({*seen, *expected}) if seen.get(key) != expected.get(key))
    return {key: (seen.get(key), expected.get(key)) for key in different}


def test_the_system_does_what_the_model_does(world: World, runner: asyncio.Runner) -> None:
    number = int(os.environ.get("HALLMARK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"seed {number}")  # noqa: T201 - whoever reads the output of a failed test needs it
    machine = seed(number)(type("Machine", (Histories,), {"world": world, "runner": runner}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[Phase.generate],
            verbosity=Verbosity.verbose,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{next(_projects)} histories; deaths: {dict(sorted(world.deaths.died.items()))}")  # noqa: T201
