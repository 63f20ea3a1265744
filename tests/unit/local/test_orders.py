from __future__ import annotations

import pytest

from deploy.local.orders import (
    Exec,
    Exited,
    Failed,
    Fork,
    Import,
    Imported,
    Order,
    Report,
    Signal,
    Started,
    decode_order,
    decode_report,
    encode,
)


@pytest.mark.parametrize(
    "order",
    [Import(["a.b"]), Fork("gate", "a:b", {"K": "line\nbreak"}, "/l"), Exec("n", ["/x"], {}, "/l"), Signal("n", 15)],
)
def test_an_order_is_one_line_and_comes_back(order: Order) -> None:
    line = encode(order)
    assert (line.count(b"\n"), decode_order(line)) == (1, order)


@pytest.mark.parametrize("report", [Imported(0.5), Started("n", 7), Exited("n", 7, -9), Failed("", "why")])
def test_a_report_is_one_line_and_comes_back(report: Report) -> None:
    line = encode(report)
    assert (line.count(b"\n"), decode_report(line)) == (1, report)


def test_a_report_is_no_order() -> None:
    with pytest.raises(KeyError):
        decode_order(encode(Started("n", 7)))
