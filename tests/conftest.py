"""What concerns the whole run. Builders and support live in `tests/support`."""

import pytest

from tests.support.counts import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many documents and vectors of others were compared."""
    if FIGURES:
        terminalreporter.section("compared with others")
        for line in FIGURES:
            terminalreporter.write_line(line)
