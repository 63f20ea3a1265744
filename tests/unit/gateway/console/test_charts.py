"""Where charts put their numbers, with none, one, equal, huge and missing values."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.console.chart_axes import BOTTOM, HEIGHT, TOP, Measure, shown, steps_of
from services.gateway.console.charts import LEFT, MOST_STOPS, RIGHT, WIDTH, Chart, Range, Series, bar_chart, line_chart

FLOOR = HEIGHT - BOTTOM


def lines(*values: float | None, measure: Measure = Measure.COUNT, **more: list[Range]) -> Chart:
    labels = [f"w{place}" for place in range(len(values))]
    return line_chart("Releases", labels, [Series("releases", values, "accent")], measure, **more)


def bars(*rows: tuple[float | None, ...]) -> Chart:
    labels = [f"w{place}" for place in range(len(rows[0]))]
    series = [Series(f"s{place}", row, f"k{place}") for place, row in enumerate(rows)]
    return bar_chart("Alerts", labels, series, Measure.COUNT)


def test_no_value_is_an_empty_chart_with_an_axis() -> None:
    for chart in (lines(), lines(None, None), bars(())):
        assert chart.is_empty
        assert [one.text for one in chart.rows] == ["0", "1"]


def test_one_value_is_a_dot_in_the_middle_and_no_line() -> None:
    chart = lines(3)
    assert not chart.is_empty
    [line] = chart.lines
    assert (line.path, line.dots) == ("", (((LEFT + WIDTH - RIGHT) / 2, TOP),))


def test_equal_values_lie_on_one_height() -> None:
    for value in (0.0, 7.0, 1e-9, 1e15):
        [line] = lines(value, value, value).lines
        assert len({y for _, y in line.dots}) == 1
    assert lines(0, 0).lines[0].dots[0][1] == FLOOR


def test_a_gap_breaks_the_line_and_is_no_zero() -> None:
    chart = lines(1, 2, None, 4, math.nan, math.inf, 3, 3)
    [line] = chart.lines
    assert line.path.count("M") == 2, "the lone value between two gaps is a dot only"
    assert len(line.dots) == 5
    assert [values for _, values in chart.table][2] == ("-",)
    assert chart.columns[2].lines == ("w2", "not known")


def test_a_series_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="as many values"):
        line_chart("x", ["a"], [Series("s", [1, 2], "accent")], Measure.COUNT)


def test_bars_stand_on_each_other_and_on_the_floor() -> None:
    chart = bars((2, 0), (3, None))
    low, high = chart.bars
    assert low.y + low.height == pytest.approx(FLOOR)
    assert high.y + high.height == pytest.approx(low.y)
    assert high.height == pytest.approx(low.height * 1.5, abs=0.05)
    assert chart.columns[1].lines == ("w1", "s0: 0")


def test_negative_bars_have_no_height() -> None:
    assert bars((-5.0,)).bars == ()


def test_ranges_are_cut_to_the_axis() -> None:
    day = 86_400.0
    ranges = [Range("elite", 0, day, "elite"), Range("high", day, 7 * day, "high"), Range("low", 30 * day, None, "low")]
    chart = lines(2 * day, day, measure=Measure.SECONDS, ranges=ranges)
    assert [one.text for one in chart.ranges] == ["elite", "high"], "nothing reaches the last one"
    assert chart.ranges[0].y + chart.ranges[0].height == pytest.approx(FLOOR)
    assert chart.ranges[1].y == TOP
    assert lines(None, measure=Measure.SECONDS, ranges=ranges).ranges == ()


def test_many_values_are_not_walked_through() -> None:
    assert lines(*[1.0] * MOST_STOPS).walked
    many = lines(*[1.0] * (MOST_STOPS + 1))
    assert not many.walked
    assert len(many.table) == MOST_STOPS + 1
    assert len(many.labels) <= 7
    assert many.labels[0].text == f"w{MOST_STOPS}", "the newest is always named"


@pytest.mark.parametrize(
    ("value", "measure", "text"),
    [
        (None, Measure.COUNT, "-"),
        (math.nan, Measure.RATIO, "-"),
        (0, Measure.COUNT, "0"),
        (0.0714, Measure.COUNT, "0.0714"),
        (9_999, Measure.COUNT, "9,999"),
        (12_000, Measure.COUNT, "12k"),
        (2_500_000, Measure.COUNT, "2.5M"),
        (7e15, Measure.COUNT, "7000T"),
        (0.125, Measure.RATIO, "12.5%"),
        (1, Measure.RATIO, "100%"),
        (0.4, Measure.SECONDS, "0.4 s"),
        (90, Measure.SECONDS, "1.5 min"),
        (5_400, Measure.SECONDS, "1.5 h"),
        (86_400 * 1000, Measure.SECONDS, "1,000 d"),
    ],
)
def test_values_as_people_read_them(value: float | None, measure: Measure, text: str) -> None:
    assert shown(value, measure) == text


def test_axes_of_time_have_round_hours_and_days() -> None:
    assert [one.text for one in lines(30_000, measure=Measure.SECONDS).rows] == ["0 s", "2.5 h", "5 h", "7.5 h", "10 h"]
    assert [one.text for one in lines(3, 1).rows] == ["0", "1", "2", "3"]


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15), st.sampled_from([1.0, 60.0, 86_400.0]))
def test_steps_hold_everything_and_are_few(low: float, high: float, unit: float) -> None:
    found = steps_of(low, high, unit=unit)
    slack = (found[-1] - found[0]) * 1e-6
    assert 2 <= len(found) <= 7
    assert found[0] - slack <= min(low, high)
    assert found[-1] + slack >= max(low, high)
    assert found[0] <= 0 <= found[-1]
    assert all(one < other for one, other in pairwise(found))


@given(st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=100))
def test_everything_lies_inside_the_picture(values: list[float | None]) -> None:
    for chart in (lines(*values), bars(tuple(values)) if values else lines()):
        for line in chart.lines:
            assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= FLOOR for x, y in line.dots)
        for bar in chart.bars:
            assert bar.y >= TOP - 0.01
            assert bar.height >= -0.01
        for column in chart.columns:
            assert column.tip.x >= LEFT
