"""Every verdict of thousands of generated histories is given again from what was written down, word for word.

Policies, evidence and waivers are those of the property tests; what happens, and when, is drawn by a seeded `Random`:
a history is named by its number.

One byte that is another one, anywhere in a verdict or in what it pins, comes out. Not so in what no decision reads: by
whom and until when it was asked for (`BY_SIGNATURE`), which the gate's signature covers; and the version's name, which
is in the manifest that the version's digest names.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.circumstances import IncidentFacts, WaiverFacts
from contracts.facts import EvidenceItem
from contracts.gate.v1.views import VerdictView
from contracts.vocabulary import Criticality, Outcome, PromotionKind
from shared.digests import sha256_digest
from shared.errors import HallmarkError
from shared.policy.policy import Policy
from tests.support.counts import say
from tests.unit.gate.gate_builders import NOW, VERSION, approval, item, policy, rule
from tests.unit.gate.rego_modules import UNJUDGED
from tests.unit.gate.rule_strategies import BEYOND, Scene, distrusted, pieces, scenes, waivers
from tests.unit.gate.small_gate import PASSAGES, Kept, SmallGate, replayed

pytestmark = pytest.mark.thorough

HISTORIES = int(os.environ.get("HALLMARK_HISTORIES", "70"))
EVENTS = 30
drawn_once = settings(
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Pool:
    """What histories are made of."""

    policies: tuple[Policy, ...]
    starts: tuple[Scene, ...]
    items: tuple[EvidenceItem, ...]
    waivers: tuple[WaiverFacts, ...]


@cache
def pool() -> Pool:
    """Drawn once, and always the same."""
    found: list[Scene] = []
    items: list[EvidenceItem] = []
    granted: list[WaiverFacts] = []

    @given(scenes(wilful=True), st.data())
    @settings(drawn_once, max_examples=40)
    def collect(scene: Scene, data: st.DataObject) -> None:
        found.append(scene)
        items.extend(data.draw(pieces(f"e{n}")) for n in range(4))
        granted.extend(data.draw(waivers(f"w{n}", scene.policies)) for n in range(2))

    collect()
    # What Hypothesis draws depends on what else is imported; so that some verdict is an error does not.
    unjudged = policy(rule("rego", rego=UNJUDGED), gates=[{"stage": "*", "gate": "*"}])
    drawn = [one for scene in found for one in scene.policies]
    return Pool((*drawn, *[unjudged] * 5), tuple(found), tuple(items), tuple(granted))


class History:
    """What happens to one version, as the number of the history has it."""

    def __init__(self, number: int) -> None:
        self._draw = random.Random(f"history {number}")  # noqa: S311 - no secret
        start = self._draw.choice(pool().starts)
        self.gate = SmallGate(NOW, start.held)
        for one in start.policies:
            self.gate.policies[one.name] = one
        self._events: tuple[tuple[int, Callable[[], None]], ...] = (
            (6, self._evidence),
            (3, self._judged_again),
            (2, self._approved),
            (2, self._policy),
            (3, self._waiver),
            (1, self._waiver_ended),
            (1, self._incident),
            (1, self._exploited),
            (4, self._time),
        )

    def run(self) -> list[Kept]:
        """All verdicts that were given on the way: one after each event."""
        weights, events = zip(*self._events, strict=True)
        for event in self._draw.choices(events, weights, k=EVENTS):
            event()
            kind = PromotionKind.ROLLBACK if self._draw.random() < 0.1 else PromotionKind.PROMOTE
            view = self.gate.ask(self._draw.choice(PASSAGES), self._draw.choice(["rita", "anna"]), kind)
            if self._draw.random() < 0.3:
                self.gate.move(view)
        return self.gate.kept

    def _evidence(self) -> None:
        self._hear(self._draw.choice(pool().items), self._draw.randrange(72))

    def _approved(self) -> None:
        seen = self.gate.dossier.evidence_set_digest
        decision = self._draw.choice(["approved", "approved", "rejected"])
        facts = approval(self._draw.choice(["anna", "berta"]), seen, decision)  # type: ignore[arg-type]
        self._hear(item("a", facts, subjects=(VERSION,)), 0)

    def _hear(self, piece: EvidenceItem, hours: int) -> None:
        name = f"h{len(self.gate.dossier.items)}"
        changes = {
            "evidence_id": name,
            "content_digest": sha256_digest(name.encode()),
            "made_at": BEYOND if piece.made_at == BEYOND else self.gate.now - timedelta(hours=hours),
            "received_at": self.gate.now,
        }
        self.gate.hear(piece.model_copy(update=changes))

    def _judged_again(self) -> None:
        if self.gate.dossier.items:
            piece = self._draw.choice(self.gate.dossier.items)
            trusted = tuple(one.model_copy(update={"distrusted": False}) for one in piece.signers)
            back = {"distrusted": False, "signers": trusted, "revision": piece.revision + 1}
            lost = distrusted(piece, keys=self._draw.choice([1, 9]))
            self.gate.hear(piece.model_copy(update=back) if piece.distrusted else lost)

    def _policy(self) -> None:
        one = self._draw.choice(pool().policies)
        if len(self.gate.policies) > 1 and self._draw.random() < 0.5:
            self.gate.policies.pop(one.name, None)
        else:
            self.gate.policies[one.name] = one

    def _waiver(self) -> None:
        known = self.gate.dossier.circumstances.waivers
        one = self._draw.choice(pool().waivers)
        lasts = one.expires_at - one.granted_at
        dates = {"granted_at": self.gate.now, "expires_at": self.gate.now + lasts}
        self.gate.learn(waivers=(*known, one.model_copy(update={"waiver_id": f"g{len(known)}"} | dates)))

    def _waiver_ended(self) -> None:
        known = self.gate.dossier.circumstances.waivers
        gone = self._draw.choice(known) if known else None
        self.gate.learn(waivers=tuple(one for one in known if one is not gone))

    def _incident(self) -> None:
        known = self.gate.dossier.circumstances.incidents
        if known and self._draw.random() < 0.5:
            last = known[-1].model_copy(update={"resolved_at": self.gate.now})
            self.gate.learn(incidents=(*known[:-1], last))
        else:
            opened = IncidentFacts(incident_id=f"i{len(known)}", version="1.0.0", opened_at=self.gate.now)
            self.gate.learn(incidents=(*known, opened))

    def _exploited(self) -> None:
        self.gate.learn(exploitation=self._draw.choice(pool().starts).held.circumstances.exploitation)

    def _time(self) -> None:
        self.gate.now += timedelta(minutes=self._draw.choice([1, 20, 600, 3000, 20_000]))


@cache
def histories() -> tuple[tuple[Kept, ...], ...]:
    """All of them."""
    return tuple(tuple(History(number).run()) for number in range(HISTORIES))


def test_every_verdict_of_every_history_is_given_again_word_for_word() -> None:
    outcomes: Counter[Outcome] = Counter()
    for number, kept in enumerate(histories()):
        for one in kept:
            assert replayed(one) == (), f"history {number}"
            outcomes[json.loads(one.verdict)["outcome"]] += 1
    assert outcomes.total() == HISTORIES * EVENTS
    assert set(outcomes) == {Outcome.ALLOW, Outcome.DENY, Outcome.PENDING, Outcome.ERROR}
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    say("verdicts of generated histories given again", f"{outcomes.total()} ({told})")


BY_SIGNATURE = {"verdict_id", "promotion_id", "attempt", "awaited_until", "judged_at", "signature"}
UNREAD = BY_SIGNATURE | {"version", "clearance"}
_BYTES = b'0123456789abcdefghijklmnopqrstuvwxyz"{}[],:. '
_WORDS: dict[str, list[Any]] = {
    "outcome": list(Outcome),
    "kind": list(PromotionKind),
    "criticality": list(Criticality),
    "may_be_trusted": [True, False],
}
"""Where one byte makes no word, all words."""


def other_byte(draw: random.Random, document: bytes) -> bytes:
    place = draw.randrange(len(document))
    other = draw.choice([one for one in _BYTES if one != document[place]])
    return document[:place] + bytes([other]) + document[place + 1 :]


def edits(draw: random.Random, kept: Kept) -> Iterator[tuple[str, Kept]]:
    """The same verdict with one byte changed, in each of its fields and in each kind of what it pins."""
    said: dict[str, Any] = json.loads(kept.verdict)
    for name in sorted(said.keys() - UNREAD):
        parts = {key: json.dumps(value).encode() for key, value in said.items()}
        others = [json.dumps(one).encode() for one in _WORDS.get(name, ())]
        for other in (other_byte(draw, parts[name]), *others):
            changed = parts | {name: other}
            written = b"{" + b",".join(b'"%s":%s' % (key.encode(), value) for key, value in changed.items()) + b"}"
            if not same_verdict(written, kept.verdict):
                yield name, kept._replace(verdict=written)
    for name, files in (("records", kept.records), ("policies", kept.policies)):
        for digest in draw.sample(sorted(files), k=min(len(files), 2)):
            altered: dict[str, Any] = {name: {**files, digest: other_byte(draw, files[digest])}}
            yield name, kept._replace(**altered)


def same_verdict(one: bytes, other: bytes) -> bool:
    """Whether both spell the same verdict, as with another letter between day and hour."""
    try:
        return VerdictView.model_validate_json(one) == VerdictView.model_validate_json(other)
    except ValueError:
        return False


def test_one_changed_byte_makes_another_verdict() -> None:
    draw = random.Random("edits")  # noqa: S311 - no secret
    seen: Counter[str] = Counter()
    for kept in histories():
        waived = [one for one in kept if json.loads(one.verdict)["waivers"]]
        for one in (draw.choice(kept), *waived[:1]):
            for name, edited in edits(draw, one):
                assert not holds(edited), name
                seen[name] += 1
    pinned = {"records", "policies", *VerdictView.model_fields} - UNREAD
    assert pinned <= seen.keys()


def holds(kept: Kept) -> bool:
    try:
        return replayed(kept) == ()
    except (HallmarkError, ValueError, LookupError):
        return False
