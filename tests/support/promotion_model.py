"""What promotions do, as a small model: everything happens at once, nothing fails, nobody waits for a message.

Written from `docs/architecture/promotion.md` and `registry.md`, with nothing of the services in it. One application
with the stages `dev`, `qa` and `prod`: into `dev` a version goes freely, into `qa` as the policy says,
into `prod` with the approval of the evidence that is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

STAGES = ("dev", "qa", "prod")
VERSIONS = ("1.0", "2.0", "3.0")
KINDS = ("promote", "release", "rollback", "demote", "recertify")
WAITING = frozenset({"requested", "checking", "awaiting_approval"})
ALLOW, PENDING, DENY = "allow", "pending", "deny"


@dataclass
class Wish:
    """One promotion."""

    name: str
    kind: str
    version: str
    comes_from: str | None
    to: str
    number: int
    deadline: datetime
    state: str = "requested"
    judged: bool = False

    @property
    def takes(self) -> set[str]:
        """The stages that nobody else may have meanwhile."""
        return {self.to, self.comes_from} if self.kind == "demote" and self.comes_from else {self.to}


@dataclass
class Place:
    """One stage."""

    current: str | None = None
    stays: dict[str, tuple[int, str]] = field(default_factory=dict)
    """For each version: its turn, and whether it is good, quarantined, or has left."""
    turns: int = 0

    def enter(self, version: str, *, quarantine: bool) -> None:
        if self.current == version:
            return
        if self.current and quarantine:
            self.stays[self.current] = (self.stays[self.current][0], "quarantined")
        self.turns += 1
        self.stays[version] = (self.turns, "good")
        self.current = version

    def leave(self, version: str) -> None:
        turn, condition = self.stays[version]
        self.stays[version] = (turn, "quarantined" if condition == "quarantined" else "left")
        self.current = None if self.current == version else self.current

    @property
    def quarantined(self) -> list[str]:
        return sorted(version for version, (_, condition) in self.stays.items() if condition == "quarantined")

    @property
    def previous_good(self) -> str | None:
        good = {turn: one for one, (turn, how) in self.stays.items() if how == "good" and one != self.current}
        return good[max(good)] if good else None


@dataclass
class Model:
    """Everything that should be so."""

    asks_for: str = "tests"
    """What the policy before `qa` asks for: good `tests`, to have been in `dev`, or, where it only warns, `nothing`.
    A gate without a policy that blocks stays shut."""
    tests: dict[str, str] = field(default_factory=dict)
    """The newest result of each version: `good` or `bad`."""
    evidence: Counter[str] = field(default_factory=Counter)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What was answered for a version's entry into `prod`, and on how much evidence."""
    standing: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(VERSIONS))
    held: dict[str, list[str]] = field(default_factory=lambda: {version: [] for version in VERSIONS})
    status: dict[str, str] = field(default_factory=lambda: dict.fromkeys(VERSIONS, "pre_release"))
    places: dict[str, Place] = field(default_factory=lambda: {stage: Place() for stage in STAGES})
    wishes: list[Wish] = field(default_factory=list)
    happened: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each fact must have been told: kind, and promotion or version."""

    def refusal(self, kind: str, version: str, to: str | None) -> str | None:
        """The code with which a request is refused now; None when it is taken."""
        if why := self._no_way(kind, version, to):
            return why
        return "promotion_in_progress" if any(one.version == version for one in self.waiting()) else None

    def _no_way(self, kind: str, version: str, to: str | None) -> str | None:
        if kind in {"promote", "release"}:
            return self._no_way_on(kind, version, to)
        held, standing = self.held[version], self.standing[version]
        if kind == "rollback":
            return self._no_way_back(version, str(to))
        if kind == "demote":
            if standing is None:
                return "demotion_from_nowhere"
            earlier = [stage for stage in STAGES[: STAGES.index(standing)] if stage in held and to in {None, stage}]
            return None if earlier else "demotion_nowhere_to_go"
        return None if (to or standing) in held else "recertification_of_stranger"

    def _no_way_back(self, version: str, to: str) -> str | None:
        if to not in self.held[version]:
            return "rollback_to_stranger"
        if self.places[to].current == version:
            return "rollback_to_current"
        return "version_quarantined" if version in self.places[to].quarantined else None

    def _no_way_on(self, kind: str, version: str, to: str | None) -> str | None:
        follows = self._following(version)
        if follows is None:
            return "promotion_nowhere_to_go"
        if to not in {None, follows}:
            return "promotion_skips_stage"
        if kind == "release" and follows != "prod":
            return "release_too_early"
        return "version_quarantined" if version in self.places[follows].quarantined else None

    def _following(self, version: str) -> str | None:
        standing = self.standing[version]
        after = STAGES.index(standing) + 1 if standing else 0
        return STAGES[after] if after < len(STAGES) else None

    def request(self, name: str, kind: str, version: str, to: str | None, deadline: datetime) -> Wish:
        """Take a request that is not refused."""
        standing = self.standing[version]
        if kind in {"promote", "release"}:
            to = self._following(version)
        elif kind == "demote":
            assert standing
            earlier = STAGES[: STAGES.index(standing)]
            to = next(one for one in reversed(earlier) if one in self.held[version] and to in {None, one})
        to = to or standing
        assert to
        wish = Wish(name, kind, version, standing, to, len(self.wishes), deadline)
        self.wishes.append(wish)
        self.happened["promotion.requested", name] += 1
        self._go_on()
        return wish

    def waiting(self) -> list[Wish]:
        """Those that are open."""
        return [one for one in self.wishes if one.state in WAITING]

    def test(self, version: str, result: str) -> None:
        """A test result is handed in."""
        self.tests[version] = result
        self.evidence[version] += 1
        self._go_on()

    def enforce(self, asks_for: str) -> None:
        """The policy changes."""
        self.asks_for = asks_for
        self._go_on()

    def may_answer(self, wish: Wish) -> bool:
        """Whether an approver is listened to."""
        return wish.state in WAITING and wish.judged

    def answer(self, wish: Wish, decision: str) -> None:
        """An approver answers."""
        if wish.to == "prod":
            self.answers[wish.version] = (self.evidence[wish.version], decision)
        self._go_on()

    def cancel(self, wish: Wish) -> None:
        """Somebody stops it."""
        self._end(wish, "cancelled")
        self._go_on()

    def pass_to(self, moment: datetime) -> Iterator[datetime]:
        """Every deadline until then, and the moment itself; at each, what is overdue expires."""
        while due := [one for one in self.waiting() if one.deadline <= moment]:
            first = min(due, key=lambda one: one.deadline)
            self._end(first, "expired")
            self._go_on()
            yield first.deadline
        yield moment

    def _go_on(self) -> None:
        """Whatever can happen now, happens, until nothing can."""
        while self._admit_one() or self._judge_one():
            pass

    def _admit_one(self) -> bool:
        turns = sorted(self.waiting(), key=lambda one: (one.kind != "rollback", one.number))
        taken = {stage for one in turns if one.state != "requested" for stage in one.takes}
        for one in turns:
            if one.state == "requested" and not one.takes & taken:
                one.state = "checking"
                return True
        return False

    def _judge_one(self) -> bool:
        for one in self.waiting():
            if one.state == "requested":
                continue
            outcome, one.judged = self._outcome(one), True
            if outcome == PENDING:
                one.state = "awaiting_approval" if one.to == "prod" else "checking"
                continue
            if outcome == ALLOW:
                self._move(one)
            self._end(one, "completed" if outcome == ALLOW else "denied")
            return True
        return False

    def _outcome(self, wish: Wish) -> str:
        if wish.to == "qa" and self.asks_for == "tests":
            return {"good": ALLOW, "bad": DENY}.get(self.tests.get(wish.version, ""), PENDING)
        if wish.to == "qa":
            return DENY if self.asks_for == "nothing" else ALLOW
        if wish.to == "prod":
            on, decision = self.answers.get(wish.version, (-1, ""))
            answered = on == self.evidence[wish.version]
            return {"approved": ALLOW, "rejected": DENY}[decision] if answered else PENDING
        return ALLOW

    def _end(self, wish: Wish, state: str) -> None:
        wish.state = state
        self.happened["promotion.completed" if state == "completed" else "promotion.ended", wish.name] += 1

    def _move(self, wish: Wish) -> None:
        version, place, held = wish.version, self.places[wish.to], self.held[wish.version]
        self.happened["version.moved", wish.name] += 1
        if wish.to == "prod":
            self.status[version] = "trusted_release"
            self.happened["release.trusted", wish.name] += 1
        if wish.kind == "recertify":
            turn, condition = place.stays[version]
            place.stays[version] = (turn, "good" if condition == "quarantined" else condition)
            return
        place.enter(version, quarantine=wish.kind == "rollback")
        if wish.kind == "demote":
            for lost in held[held.index(wish.to) + 1 :]:
                self.places[lost].leave(version)
            del held[held.index(wish.to) + 1 :]
            self.status[version] = "pre_release"
        elif wish.to not in held:
            held.append(wish.to)
        if wish.kind != "rollback":
            self.standing[version] = wish.to
