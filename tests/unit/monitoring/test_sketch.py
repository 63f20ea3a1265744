from __future__ import annotations

from collections import Counter
from statistics import median, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring.domain.sketch import ERROR, cell, percentile, percentiles_of_cells, value

LENGTHS = st.lists(st.floats(1, 3e8), min_size=1, max_size=200)


@pytest.mark.thorough
@given(LENGTHS, st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
def test_percentiles_of_cells_are_within_the_stated_error(lengths: list[float], part: float) -> None:
    exact = percentile(lengths, part)
    [counted] = percentiles_of_cells(Counter(map(cell, lengths)), part)
    assert exact is not None
    assert counted == pytest.approx(exact, rel=ERROR * 1.0001)


@pytest.mark.thorough
@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_exact_percentiles_are_those_of_the_standard_library(lengths: list[float]) -> None:
    assert percentile(lengths, 0.5) == pytest.approx(median(lengths))
    assert percentile(lengths, 0.9) == pytest.approx(quantiles(lengths, n=10, method="inclusive")[8])


@given(st.floats(1, 3e8))
def test_a_cell_stands_for_every_length_in_it(length: float) -> None:
    assert value(cell(length)) == pytest.approx(length, rel=ERROR * 1.0001)


def test_ten_years_have_about_a_thousand_cells_and_nothing_has_no_percentile() -> None:
    assert cell(3.2e8) < 1000
    assert (cell(0), cell(0.5), value(0)) == (0, 0, 0.0)
    assert percentiles_of_cells({}, 0.5, 0.9) == [None, None]
    assert percentile([], 0.5) is None
