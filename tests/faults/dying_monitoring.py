"""The real monitoring service, as `countdown.py` says; counted are facts, too.

Its clock is ahead, so that deadlines of the present have passed.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

from services.monitoring.app import SERVICE
from shared.clock import utc_now
from shared.service import running
from shared.settings import ServiceSettings, read_settings
from tests.faults.countdown import count_facts, live_and_die


def ahead() -> datetime:
    """The present, some weeks from now."""
    return utc_now() + timedelta(days=20)


def _service() -> AbstractAsyncContextManager[Any]:
    return running(SERVICE, read_settings(ServiceSettings, service="monitoring"), ahead)


if __name__ == "__main__":
    live_and_die("monitoring", _service, count_facts)
