"""How waiting looks: every step once, what is awaited whenever it changes."""

import io
import json
from typing import Any

from rich.console import Console
from rich.text import Text

from contracts.vocabulary import PromotionState
from services.cli.displays import Lines, Objects, Terminal
from tests.unit.cli.waiting_promotions import a_finding, a_promotion

S = PromotionState
ASKED = a_promotion(S.CHECKING, "requested", "the gates are asked")
WAITS = a_promotion(S.CHECKING, "requested", "the gates are asked", "awaits approval", findings=(a_finding(),))
MORE = a_promotion(
    S.CHECKING,
    "requested",
    "the gates are asked",
    "awaits approval",
    "again",
    findings=(a_finding(observed="2 of 3."),),
)
DONE = a_promotion(S.COMPLETED, "requested", "the gates are asked", "awaits approval", "again", "it is there")


def lines() -> tuple[Lines, list[str]]:
    said: list[str] = []
    return Lines(lambda line: said.append(Text.from_markup(line).plain.strip())), said


def test_lines_tell_each_step_once_and_what_is_awaited_when_it_changes() -> None:
    display, said = lines()
    with display:
        for view in (ASKED, WAITS, WAITS, MORE, DONE):
            display.show([view])
    assert said == [
        "12:00:00  checking  requested",
        "12:00:01  checking  the gates are asked",
        "12:00:02  checking  awaits approval",
        "… prod entry  prod/two-people: Two people",
        "awaits approval until 2026-06-02 12:00:00 UTC. 1 of 2 approval(s) given.",
        "→ Ask somebody in the role approver.",
        "12:00:03  checking  again",
        "… prod entry  prod/two-people: Two people",
        "awaits approval until 2026-06-02 12:00:00 UTC. 2 of 3.",
        "→ Ask somebody in the role approver.",
        "12:00:04  ✓ completed  it is there",
    ]


def test_of_several_each_line_says_whose_it_is() -> None:
    display, said = lines()
    other = a_promotion(S.COMPLETED, "requested", promotion_id="pr-2", application="api", version="7")
    display.show([ASKED, other])
    assert said == [
        "12:00:00  web/1.0  checking  requested",
        "12:00:01  web/1.0  checking  the gates are asked",
        "12:00:00  api/7  ✓ completed  requested",
    ]


def test_a_note_is_said_once_until_there_is_news() -> None:
    display, said = lines()
    for _ in range(3):
        display.note("no answer")
    display.show([ASKED])
    display.note("no answer")
    assert [line for line in said if line == "no answer"] == ["no answer", "no answer"]


def test_text_of_others_is_shown_and_not_obeyed() -> None:
    display, said = lines()
    display.show([a_promotion(S.CHECKING, "[bold]requested[/] [nonsense")])
    assert said == ["12:00:00  checking  [bold]requested[/] [nonsense"]


def test_programs_get_one_object_a_line_and_at_the_end_the_whole() -> None:
    said: list[str] = []
    display = Objects(said.append)
    with display:
        for view in (ASKED, WAITS, WAITS, DONE):
            display.show([view])
        display.note("no answer")
        display.ended([DONE])
    found: list[dict[str, Any]] = [json.loads(line) for line in said]
    kinds = [one["event"] for one in found]
    assert kinds == ["step", "step", "step", "awaits", "step", "step", "note", "end"]
    assert [one["because"] for one in found if one["event"] == "step"] == [one.because for one in DONE.history]
    [awaited] = [one for one in found if one["event"] == "awaits"]
    assert awaited["findings"][0]["awaits"] == "approval"
    assert awaited["deadline"] == "2026-06-02T12:00:00Z"
    assert (found[-1]["exit"], found[-1]["promotion"]) == (0, DONE.model_dump(mode="json"))
    assert not any("\n" in line for line in said)


def test_on_a_terminal_steps_scroll_by_and_the_block_below_is_gone_at_the_end() -> None:
    file = io.StringIO()
    environ = {"TERM": "xterm"}  # Whatever terminal runs the tests: a dumb one is never wiped.
    console = Console(file=file, force_terminal=True, width=100, color_system=None, _environ=environ)
    with Terminal(console) as display:
        display.show([WAITS])
        display.note("no answer")
        block = "".join(segment.text for segment in console.render(display._block(), console.options))
        display.show([DONE])
    printed = file.getvalue()
    assert printed.count("the gates are asked") == 1
    assert printed.count("it is there") == 1
    assert "awaits approval until" in block
    assert "no answer" in block
    assert "no answer" not in "".join(segment.text for segment in console.render(display._block(), console.options))
    assert "\x1b[2K" in printed, "what was below is wiped"
