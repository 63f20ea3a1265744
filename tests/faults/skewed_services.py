"""The real services on a machine with a wrong clock that is set while they run: `SKEW_FILE` says by how many seconds.

The wall clock of the process is wrapped where Python's programs read it; the monotonic clock is as it is.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.dying_services import RUN


def run(env: Mapping[str, str]) -> None:
    """Run the service that `HALLMARK_SERVICE` names, with a wrong clock."""
    file, real = Path(env["SKEW_FILE"]), time.time

    def skewed() -> float:
        return real() + float(file.read_text() or 0)

    class Skewed(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(skewed(), tz)

    import shared.clock  # noqa: PLC0415 - in this process only
    import shared.mongo.server_time  # noqa: PLC0415 - as above

    time.time = skewed
    for module in (shared.clock, shared.mongo.server_time):
        vars(module)["datetime"] = Skewed
    RUN[env["HALLMARK_SERVICE"]](env)
