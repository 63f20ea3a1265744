"""What concerns the whole run. Builders and support live in `tests/support`."""

import os
import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.counts import FIGURES

# No test is about time: a busy machine must not fail one.
settings.register_profile("hallmark", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hallmark")
# What commands print depends on the width of the terminal, which workers of pytest-xdist say is 80 columns.
os.environ.pop("COLUMNS", None)
# A shell starts what it runs in the background with SIGINT ignored, and so would be what the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hand its figures to the one who writes the summary."""
    handed_over: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if handed_over is not None:
        handed_over["figures"] = FIGURES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker is done; one that died has handed nothing over."""
    FIGURES.extend(getattr(node, "workeroutput", {}).get("figures", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many documents and vectors of others were compared."""
    if FIGURES:
        terminalreporter.section("compared with others")
        for line in FIGURES:
            terminalreporter.write_line(line)
