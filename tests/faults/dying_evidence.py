"""The real evidence service, as `countdown.py` says; counted are facts, receipts and the file of a checkpoint, too."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from services.evidence.app import SERVICE
from services.evidence.given_out import GivenOut
from services.evidence.settings import EvidenceSettings
from shared.service import running
from shared.settings import read_settings
from tests.faults.countdown import Countdown, count_messages, live_and_die


def _count(countdown: Countdown) -> None:
    count_messages(
        countdown, lambda subject, payload: subject.startswith("hallmark.evt.") or b'"evidence_id"' in payload
    )
    write = GivenOut._write

    def counted(self: GivenOut, path: Path, signed: bytes) -> None:
        countdown.step()
        write(self, path, signed)
        countdown.step()

    GivenOut._write = counted  # type: ignore[method-assign]


def _service() -> AbstractAsyncContextManager[Any]:
    return running(SERVICE, read_settings(EvidenceSettings, service="evidence"))


if __name__ == "__main__":
    live_and_die("evidence", _service, _count)
