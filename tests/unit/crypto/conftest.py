from collections.abc import Callable

import pytest

Report = Callable[[str, int], None]


@pytest.fixture
def report(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Report:
    """Says on the terminal how many vectors of others were compared."""
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def say(what: str, count: int) -> None:
        with capfd.disabled():
            terminal.ensure_newline()
            terminal.write_line(f"{count:5} {what}")

    return say
