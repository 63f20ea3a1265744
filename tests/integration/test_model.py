"""A small model and the real system, side by side, through whatever people, pipelines, time and deaths do to them.

- The model is `tests/support/promotion_model.py`; the system is every service twice, on a real NATS and MongoDB.
- After each step the system comes to rest. Then where every promotion and version stands, the pointers of every stage,
  and how often every fact was told must be as in the model.
- A few histories run with all tests; `HALLMARK_MODEL_EXAMPLES` says how many, `HALLMARK_SEED` which. Hypothesis prints
  a failing history as a program, the shortest that it finds when `HALLMARK_MODEL_SHRINK` is set; the deeds of all
  histories of the run are kept in a file.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import os
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pydantic import BaseModel

from contracts.answers import Applied
from contracts.evidence.v1.commands import ApplyTrustRoot, Receipt, SubmitEvidence
from contracts.gate.v1.commands import ApplyPolicy
from contracts.promotion.v1.commands import CancelPromotion, DecideApproval, RequestPromotion
from contracts.promotion.v1.queries import ListPromotions
from contracts.promotion.v1.views import PromotionPage, PromotionView
from contracts.registry.v1.commands import ApplyApplication, ApplyLifecycle, ApplyProject, CreateVersion
from contracts.registry.v1.queries import ShowApplication, ShowVersion
from contracts.registry.v1.views import ApplicationView, VersionView
from contracts.vocabulary import PromotionKind, Role
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.errors import Rejection
from tests.support.history import History, kept_history
from tests.support.promotion_model import KINDS, STAGES, VERSIONS, Model, Wish
from tests.support.promotion_world import World, a_world

pytestmark = [
    pytest.mark.servers,
    # Who dies without ceremony closes nothing.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
T = TypeVar("T")
A = TypeVar("A", bound=BaseModel)
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
EXAMPLES = int(os.environ.get("HALLMARK_MODEL_EXAMPLES") or 2)
STEPS = 20
PHASES = [Phase.generate, *([Phase.shrink] if os.environ.get("HALLMARK_MODEL_SHRINK") else [])]
"""Making a history shorter plays it again and again: minutes, for whoever asks for it."""
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
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
    )
    logging.disable(logging.CRITICAL)
    yield
    gc.collect()  # While what the dead have left open is still forgiven.
    logging.disable(logging.NOTSET)
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def world(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    entered = a_world(tmp_path_factory.mktemp("model"))
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


def policy(on: Histories, stage: str, gate: str, mode: str, rule: dict[str, Any]) -> ApplyPolicy:
    document = {
        "apiVersion": "hallmark/v1",
        "kind": "Policy",
        "metadata": {"project": on.project, "name": stage},
        "spec": {"gates": [{"stage": stage, "gate": gate}], "mode": mode, "rules": [rule]},
    }
    return ApplyPolicy(command_id=on.new_id(), project=on.project, policy=stage, document=document)


TESTED = {"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "test"}
APPROVED = {
    "id": "people",
    "title": "Somebody answers for it",
    "kind": "approvals",
    "role": "approver",
    "separate_from": ["requester"],
}


QA: dict[str, tuple[str, dict[str, Any]]] = {
    "tests": ("block", TESTED),
    "dev": ("block", {"id": "way", "title": "It was in dev", "kind": "stage_passed", "stage": "dev"}),
    "nothing": ("warn", TESTED),
}
"""The policies before `qa`, by what they ask for."""


@dataclass(frozen=True)
class Request:
    """Somebody asks for a promotion; `twice`: two instances of one request at the same time."""

    kind: str
    version: str
    to: str | None
    patience: timedelta
    twice: bool

    def do(self, on: Histories) -> None:
        on.tick()
        to, patience, now = self.to, self.patience, on.world.clock()
        if self.kind == "rollback" and to is None:
            to = "prod"
        while any(one.deadline == now + patience for one in on.model.waiting()):
            patience += timedelta(seconds=1)  # Of two that expire at once, it is open who has his turn in between.
        command = RequestPromotion(
            command_id=on.new_id(),
            project=on.project,
            application="web",
            version=self.version,
            kind=PromotionKind(self.kind),
            to_stage=to,
            reason="it is better so",
            patience_seconds=int(patience.total_seconds()),
        )
        refusal = on.model.refusal(self.kind, self.version, to)
        answer = on.ask(command, PromotionView, twice=self.twice, refusal=refusal)
        if answer:
            wish = on.model.request(answer.promotion_id, self.kind, self.version, to, now + patience)
            assert answer.to_stage == wish.to


@dataclass(frozen=True)
class Test:
    """A pipeline hands in a test result."""

    __test__ = False
    version: str
    result: str
    twice: bool

    def do(self, on: Histories) -> None:
        on.tick()
        envelope = on.envelope(self.version, self.result)
        command = SubmitEvidence(command_id=on.new_id(), project=on.project, envelope=envelope)
        on.ask(command, Receipt, twice=self.twice, same=False)  # Where it is logged may be known a moment later only.
        on.model.test(self.version, self.result)


@dataclass(frozen=True)
class Enforce:
    """The policy before `qa` is changed."""

    asks_for: str

    def do(self, on: Histories) -> None:
        on.tick()
        on.ask(policy(on, "qa", "entry", *QA[self.asks_for]), Applied)
        on.model.enforce(self.asks_for)


@dataclass(frozen=True)
class Answer:
    """An approver answers one of those that wait."""

    place: int
    decision: Literal["approved", "rejected"]

    def do(self, on: Histories) -> None:
        wish = on.waiting(self.place)
        if wish is None:
            return
        on.tick()
        command = DecideApproval(
            command_id=on.new_id(), project=on.project, promotion_id=wish.name, decision=self.decision, reason="seen"
        )
        refusal = None if on.model.may_answer(wish) else "approval_not_awaited"
        if on.ask(command, PromotionView, by="bob", role=Role.APPROVER, refusal=refusal):
            on.model.answer(wish, self.decision)


@dataclass(frozen=True)
class Cancel:
    """Somebody stops one of those that wait."""

    place: int
    twice: bool

    def do(self, on: Histories) -> None:
        wish = on.waiting(self.place)
        if wish is None:
            return
        on.tick()
        command = CancelPromotion(command_id=on.new_id(), project=on.project, promotion_id=wish.name)
        on.ask(command, PromotionView, twice=self.twice)
        on.model.cancel(wish)


@dataclass(frozen=True)
class Pass:
    """Time passes, from deadline to deadline."""

    wait: timedelta

    def do(self, on: Histories) -> None:
        for moment in on.model.pass_to(on.world.clock() + self.wait):
            on.world.clock.now = moment
            on.run(on.world.sweep())
            on.run(on.world.settle())


@dataclass(frozen=True)
class Die:
    """An instance of a service will die at the so-manieth of the moments that it passes."""

    service: str
    moments: int

    def do(self, on: Histories) -> None:
        on.world.deaths.arm(self.service, self.moments)


@dataclass(frozen=True)
class Again:
    """A message that a service sent is delivered again, so many times."""

    service: str
    place: int
    times: int

    def do(self, on: Histories) -> None:
        on.run(self._send(on))

    async def _send(self, on: Histories) -> None:
        rows = await on.world.sent(self.service, on.project)
        for _ in range(self.times if rows else 0):
            await on.world.send_again(self.service, rows[-1 - self.place % len(rows)])


Deed = Request | Test | Enforce | Answer | Cancel | Pass | Die | Again
_version, _twice = st.sampled_from(VERSIONS), st.booleans()
_service = st.sampled_from(["promotion", "gate", "registry", "evidence"])
_on = st.builds(Request, st.just("promote"), _version, st.none(), PATIENCE, _twice)
_back = st.builds(Request, st.sampled_from(KINDS), _version, st.sampled_from([None, *STAGES]), PATIENCE, _twice)
DEEDS = st.one_of(
    _on,
    _on,
    _on,
    _back,
    _back,
    st.builds(Test, _version, st.sampled_from(["good", "good", "good", "bad"]), _twice),
    st.builds(Test, _version, st.sampled_from(["good", "good", "good", "bad"]), _twice),
    st.builds(Answer, st.integers(0, 3), st.sampled_from(["approved", "approved", "approved", "rejected"])),
    st.builds(Answer, st.integers(0, 3), st.sampled_from(["approved", "approved", "approved", "rejected"])),
    st.builds(Enforce, st.sampled_from(["tests", "tests", "dev", "dev", "nothing"])),
    st.builds(Cancel, st.integers(0, 3), _twice),
    st.builds(Pass, st.sampled_from([timedelta(seconds=31), timedelta(hours=2), timedelta(days=2)])),
    st.builds(Die, _service, st.integers(1, 12)),
    st.builds(Die, _service, st.integers(1, 12)),
    st.builds(Die, _service, st.integers(1, 12)),
    st.builds(Again, _service, st.integers(0, 20), st.integers(1, 3)),
)
"""What happens most is said most often."""


class Histories(RuleBasedStateMachine):
    """One project, and everything that is done to it."""

    world: World
    runner: asyncio.Runner
    history: History

    def __init__(self) -> None:
        super().__init__()
        self.project = f"m{next(_projects)}"
        self.model = Model()
        self.commands = itertools.count()

    @initialize()
    def set_up(self) -> None:
        self.run(self._set_up())
        for version in VERSIONS:  # All histories would begin so.
            Request("promote", version, None, timedelta(days=1), twice=False).do(self)
        self.compare()

    @rule(deed=DEEDS)
    def do(self, deed: Deed) -> None:
        self.play(deed)

    def play(self, deed: Deed) -> None:
        """One deed, or nothing where there is nothing to do it to; then the system is compared with the model."""
        self.history.note("do", project=self.project, deed=repr(deed))
        deed.do(self)
        if not isinstance(deed, Die):
            self.compare()

    def teardown(self) -> None:
        """Whatever still waits is stopped, so that the next history has the system to itself."""
        self.world.deaths.left.clear()
        for wish in self.model.waiting():
            command = CancelPromotion(command_id=self.new_id(), project=self.project, promotion_id=wish.name)
            try:
                self.run(self.world.ask(command, PromotionView))
            except Rejection:
                continue  # It is about to fail anyway: the system was not as the model.

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def tick(self) -> None:
        self.world.clock.advance(seconds=1)

    def new_id(self) -> str:
        return f"{self.project}-{next(self.commands)}"

    def waiting(self, place: int) -> Wish | None:
        """One of those that wait, if any does."""
        waiting = self.model.waiting()
        return waiting[place % len(waiting)] if waiting else None

    def ask(
        self,
        command: Any,
        kind: type[A],
        *,
        by: str = "ann",
        role: Role = Role.ADMIN,
        twice: bool = False,
        refusal: str | None = None,
        same: bool = True,
    ) -> A | None:
        """The answer, the same both times; or None after the refusal that was expected."""

        async def asked() -> list[Any]:
            asks = (self.world.ask(command, kind, by=by, role=role) for _ in range(1 + twice))
            return await asyncio.gather(*asks, return_exceptions=True)

        answers = self.run(asked())
        for one in answers:
            if isinstance(one, Exception) and not isinstance(one, Rejection):
                raise one
        codes = {one.code if isinstance(one, Rejection) else None for one in answers}
        assert codes == {refusal}, f"{codes}, where the model says {refusal}: {answers}"
        assert refusal or not same or all(one == answers[0] for one in answers)
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
            ApplyProject(command_id=self.new_id(), **at),
            ApplyLifecycle(command_id=self.new_id(), lifecycle="default", stages=stages, **at),
            ApplyApplication(command_id=self.new_id(), application="web", **at),
            ApplyTrustRoot(command_id=self.new_id(), **root, **at),
            policy(self, "qa", "entry", *QA["tests"]),
            policy(self, "prod", "release", "block", APPROVED),
        ):
            await self.world.ask(command, Applied)
        for version in VERSIONS:
            artifact = {"purl": f"pkg:pypi/web@{version}", "digest": self._digest(version)}
            new = CreateVersion(
                command_id=self.new_id(), application="web", version=version, artifacts=[artifact], **at
            )
            await self.world.ask(new, VersionView)

    def _digest(self, version: str) -> str:
        return sha256_digest(f"{self.project} {version}".encode())

    def envelope(self, version: str, result: str) -> str:
        names = {"passedTests": [self.new_id()]} if result == "good" else {"failedTests": [self.new_id()]}
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": self._digest(version).removeprefix("sha256:")}}],
            "predicateType": TESTS,
            "predicate": {"result": "PASSED" if result == "good" else "FAILED", "configuration": [], **names},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.world.key]).decode()

    def compare(self) -> None:
        self.run(self.world.settle())
        seen, expected = self.run(self._seen()), self._expected()
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
        page, shown, versions = await asyncio.gather(
            ask(ListPromotions(limit=200, **at), PromotionPage),
            ask(ShowApplication(application="web", **at), ApplicationView),
            asyncio.gather(
                *(ask(ShowVersion(application="web", version=version, **at), VersionView) for version in VERSIONS)
            ),
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


def test_the_system_does_what_the_model_does(
    world: World, runner: asyncio.Runner, request: pytest.FixtureRequest
) -> None:
    with kept_history(request.node.nodeid) as history:
        machine = type("Machine", (Histories,), {"world": world, "runner": runner, "history": history})
        run_state_machine_as_test(
            seed(history.seed)(machine),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=PHASES,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        deeds = Counter(entry["deed"].partition("(")[0] for entry in history.entries if entry["what"] == "do")
    print(f"{next(_projects)} histories: {dict(sorted(deeds.items()))}")  # noqa: T201 - what was tried
    print(f"deaths: {dict(sorted(world.deaths.died.items()))}")  # noqa: T201 - as above


def test_one_history_has_it_all(world: World, runner: asyncio.Runner, request: pytest.FixtureRequest) -> None:
    """What chance brings about seldom: each kind of move, and what depends on it."""

    def ask(version: str, kind: str = "promote", to: str | None = None) -> Request:
        return Request(kind, version, to, timedelta(days=1), twice=True)

    yes = Answer(0, "approved")
    deeds: tuple[Deed, ...] = (
        *(ask("1.0"), Enforce("dev"), ask("1.0"), Test("1.0", "good", twice=True), yes),
        *(ask("2.0"), ask("3.0"), ask("2.0"), ask("3.0"), yes, Cancel(0, twice=True)),
        *(ask("1.0", "rollback", "prod"), ask("2.0", "recertify", "prod"), ask("2.0", "demote", "qa")),
        *(Again("promotion", 3, 2), ask("1.0", "demote", "dev"), ask("1.0", "rollback", "qa"), ask("1.0")),
        *(Test("1.0", "bad", twice=False), ask("1.0"), Pass(timedelta(days=2)), Again("registry", 1, 2)),
    )
    with kept_history(request.node.nodeid) as history:
        machine = type("Machine", (Histories,), {"world": world, "runner": runner, "history": history})()
        runner.run(machine._set_up())
        for deed in (*(ask(version) for version in VERSIONS), *deeds):
            machine.play(deed)
        machine.teardown()
