"""What monitoring says of tables of deadlines."""

from __future__ import annotations

from typing import Any

from contracts.monitoring.v1.sla import SlaCalendar
from services.monitoring.domain.sla import SlaTable
from shared.digests import canonical_digest


def stated(table: SlaTable) -> dict[str, Any]:
    """What a view says of a table."""
    calendar = table.calendar
    said: dict[str, Any] = {
        "days": {row.value: {one.value: days for one, days in cells.items()} for row, cells in table.days.items()},
        "exploited": {row.value: days for row, days in table.exploited.items()},
        "calendar": SlaCalendar.model_validate(
            {
                "time_zone": calendar.time_zone,
                "working_days": calendar.working_days,
                "holidays": sorted(calendar.holidays),
            }
        ).model_dump(mode="json")
        if calendar
        else None,
    }
    return {**said, "digest": canonical_digest(said)}
