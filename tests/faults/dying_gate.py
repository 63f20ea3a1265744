"""The real gate, as `countdown.py` says; counted are facts, too."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from services.gate.app import SERVICE
from shared.service import running
from shared.settings import ServiceSettings, read_settings
from tests.faults.countdown import count_facts, live_and_die


def _service() -> AbstractAsyncContextManager[Any]:
    return running(SERVICE, read_settings(ServiceSettings, service="gate"))


if __name__ == "__main__":
    live_and_die("gate", _service, count_facts)
