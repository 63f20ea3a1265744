"""Reading server-sent events as the standard has them."""

import pytest

from services.cli.live_events import LiveEvent, read_events


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (": keepalive\n\n", []),
        ("id: 7\nevent: version.moved\ndata: {}\n\n", [("7", "version.moved", "{}")]),
        ("data: one\ndata: two\n\ndata:three\n\n", [("", "message", "one\ntwo"), ("", "message", "three")]),
        ("id: 7\ndata: a\n\ndata: b\n\n", [("7", "message", "a"), ("7", "message", "b")]),
        ("id: 7\n\nevent: x\n\ndata: b\n\n", [("7", "message", "b")]),
        ("data:  two blanks\n\n", [("", "message", " two blanks")]),
        ("data: never ended\n", []),
        ("retry: 5\nunknown\n: x\ndata\n\n", [("", "message", "")]),
        ("id: 1\0\ndata: a\n\n", [("", "message", "a")]),
    ],
)
def test_events_end_at_a_blank_line(text: str, events: list[tuple[str, str, str]]) -> None:
    assert list(read_events(text.split("\n")[:-1])) == [LiveEvent(*one) for one in events]


def test_events_are_given_as_they_come() -> None:
    def endless() -> object:
        yield "data: first"
        yield ""
        raise AssertionError("nobody asked for more")

    assert next(iter(read_events(endless()))).data == "first"  # type: ignore[arg-type]
