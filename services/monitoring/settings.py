"""Settings of the monitoring service."""

from __future__ import annotations

from datetime import time

from shared.settings import ServiceSettings

REMATCH_AT = time(3)


class MonitoringSettings(ServiceSettings):
    """What the monitoring service reads beside the common settings."""

    rematch_at: time = REMATCH_AT
    """When every release is matched again each day, UTC, as `03:00`."""
