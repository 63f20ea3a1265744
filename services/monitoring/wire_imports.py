"""Between the contracts and the rules of imports, in both directions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from contracts.importing import ImportCounts
from contracts.monitoring.v1.commands import AdvisoriesImported, ImportAdvisories
from contracts.monitoring.v1.feeds import (
    AdvisoryImport,
    AdvisoryStanding,
    QuarantinedAdvisory,
    SourceStanding,
)
from services.monitoring.domain.advisory import read_advisory
from services.monitoring.domain.imports import Import, Quarantined, Source, Standing, quarantined
from shared.errors import Invalid
from shared.mongo import Document


@dataclass(frozen=True, slots=True)
class Sound:
    """A record that could be read."""

    id: str
    withdrawn: bool


def advisory_import(one: Import, counts: ImportCounts | None = None) -> AdvisoryImport:
    """As it is told; `counts` are those of one that is under way."""
    return AdvisoryImport.model_validate(asdict(one) | {"counts": counts or one.counts})


def advisory_standing(standing: Standing) -> AdvisoryStanding:
    """As it is told."""
    return AdvisoryStanding(
        complete_as_of=standing.complete_as_of,
        partial=standing.partial,
        sources=tuple(map(_source, standing.sources)),
        source_count=standing.count,
    )


def _source(one: Source) -> SourceStanding:
    return SourceStanding.model_validate(
        {
            "source": one.name,
            "newest": one.state,
            "because": one.because,
            "complete_as_of": one.complete_as_of,
            "fetched": one.fetched,
        }
    )


def quarantined_advisory(row: Document) -> QuarantinedAdvisory:
    """As it is told."""
    return QuarantinedAdvisory.model_validate({**row, "key": row["_id"], "id": row["advisory"]})


def sorted_out(
    command: ImportAdvisories, answer: AdvisoriesImported, source: str
) -> tuple[list[Sound], list[Quarantined]]:
    """Which records of a batch were taken, and what is to be kept of the others, in their order."""
    refused = defaultdict(list)
    for one in answer.refused:
        refused[one.id].append(one)
    sound: list[Sound] = []
    malformed: list[Quarantined] = []
    for record in command.advisories:
        waiting = refused.get(_name(record))
        # Two records can bear one id: which of them was refused shows only when it is read again.
        if not waiting or _is_sound(record):
            sound.append(Sound(_name(record), bool(record.get("withdrawn"))))
            continue
        one = waiting.pop(0)
        kept = quarantined(record, source=source, where=one.where, problem=one.problem, import_id=command.import_id)
        malformed.append(kept)
    return sound, malformed


def _name(record: dict[str, Any]) -> str:
    return str(record.get("id", ""))[:200]


def _is_sound(record: dict[str, Any]) -> bool:
    try:
        read_advisory(record)
    except Invalid:
        return False
    return True
