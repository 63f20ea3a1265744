"""Whatever versions are asked to do, in whatever order, the board of an application stays a sound one."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.vocabulary import PromotionKind, ReleaseStatus
from services.registry.domain.lifecycle import Lifecycle
from services.registry.domain.moving import WantedMove
from shared.errors import Conflict
from tests.unit.registry.moves import LINE, RINGS, Board, a_move, lifecycle

LIFECYCLES = (LINE, RINGS, lifecycle("eu", "us", release=("eu", "us")))
NAMES = ("1.0", "2.0", "3.0")
ONWARD = {PromotionKind.PROMOTE, PromotionKind.RELEASE}


class Step(NamedTuple):
    """What somebody asks for: mostly what could be, as a promotion service would see it, and sometimes anything."""

    name: str
    kind: PromotionKind
    pick: int
    lie: int
    trusted: bool


KINDS = st.sampled_from([PromotionKind.PROMOTE] * 3 + list(PromotionKind))
STEPS = st.builds(Step, st.sampled_from(NAMES), KINDS, st.integers(0, 5), st.integers(0, 9), st.booleans())


def wanted(board: Board, step: Step, number: int) -> WantedMove:
    stages, version = board.lifecycle, board.version(step.name)
    likely = [one for one in stages.names if one in version.held]
    if step.kind in ONWARD:
        likely = [
            one for one in stages.names if one not in version.held and stages.before(one) in (None, *version.held)
        ]
    choice = likely if likely and step.lie < 8 else stages.names
    to_stage = choice[step.pick % len(choice)]
    onward = stages.before(to_stage) if step.kind in ONWARD else version.stage
    begin = to_stage if step.kind is PromotionKind.RECERTIFY else onward
    if step.lie == 9:
        begin = (None, *stages.names)[step.pick % (len(stages.names) + 1)]
    return a_move(begin, to_stage, step.kind, trusted=step.trusted, promotion_id=f"pr-{number}")


def made(board: Board, steps: list[Step]) -> Iterator[tuple[str, WantedMove, bool]]:
    """Every move that is asked for, with whether it was made."""
    for number, step in enumerate(steps):
        asked = wanted(board, step, number)
        try:
            board.ask(step.name, asked)
        except Conflict:
            yield step.name, asked, False
        else:
            yield step.name, asked, True


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LIFECYCLES), st.lists(STEPS, min_size=5, max_size=60))
def test_the_board_is_sound_after_every_move(stages: Lifecycle, steps: list[Step]) -> None:
    board, kept_out = Board(stages), set[tuple[str, str]]()
    before = (dict(board.versions), dict(board.standings))
    for name, asked, was_made in made(board, steps):
        kind, to_stage = asked.move.kind, asked.move.to_stage
        if not was_made:
            assert (board.versions, board.standings) == before, "a refusal changes nothing"
            continue
        was, now = before[0].get(name, board.version(f"new {name}")), board.version(name)
        replaced = before[1][to_stage].current if to_stage in before[1] else None
        assert now.history[:-1] == was.history, "nothing is erased"
        if kind in ONWARD:
            assert stages.before(to_stage) in (*was.held, None), "no stage is skipped"
            assert to_stage not in was.held
        else:
            assert to_stage in was.held
        if kind is PromotionKind.RECERTIFY:
            kept_out.discard((to_stage, name))
            assert {one: board.standing(one).current for one in stages.names} == {
                one: before[1][one].current if one in before[1] else None for one in stages.names
            }
        else:
            assert (to_stage, name) not in kept_out, "what is quarantined does not enter"
            assert board.standing(to_stage).current == name
            if kind is PromotionKind.ROLLBACK and replaced:
                kept_out.add((to_stage, replaced))
        check(board, kept_out)
        before = (dict(board.versions), dict(board.standings))


def check(board: Board, kept_out: set[tuple[str, str]]) -> None:
    """What holds of a sound board."""
    release = set(board.lifecycle.release_stages)
    for stage, standing in board.standings.items():
        assert {(stage, one.version) for one in standing.quarantined} == {one for one in kept_out if one[0] == stage}
        for name in (standing.current, standing.previous_good):
            assert name is None or stage in board.version(name).held, "it is there, or may come back"
            assert (stage, name) not in kept_out
        assert standing.previous_good is None or standing.previous_good != standing.current
    for version in board.versions.values():
        assert version.stage in version.held
        assert (version.release_status is not ReleaseStatus.PRE_RELEASE) == bool(release & set(version.held))
        assert len(set(version.held)) == len(version.held)
        order = [board.lifecycle.names.index(one) for one in version.held if one not in release]
        assert order == list(range(len(order))), "every stage before where it stands was passed"


def test_the_walks_reach_every_kind_of_move() -> None:
    """Else they would prove nothing."""
    counted: Counter[tuple[PromotionKind, bool]] = Counter()
    random = Random(7)  # noqa: S311 - the same walks each time
    for number in range(60):
        steps = [
            Step(random.choice(NAMES), kind, random.randrange(6), random.randrange(10), trusted=True)
            for kind in random.choices([PromotionKind.PROMOTE, *PromotionKind], k=40)
        ]
        board = Board(LIFECYCLES[number % len(LIFECYCLES)])
        counted.update((asked.move.kind, was_made) for _, asked, was_made in made(board, steps))
    assert min(counted[kind, was_made] for kind in PromotionKind for was_made in (True, False)) >= 20, counted
