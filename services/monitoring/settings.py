"""Settings of the monitoring service."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.monitoring.feeds.source import FeedSource, exploitation_source, read_sources
from shared.oidc.addresses import Network, read_networks
from shared.settings import ServiceSettings

REMATCH_AT = time(3)


class MonitoringSettings(ServiceSettings):
    """What the monitoring service reads beside the common settings."""

    # A URL may hold something secret: what is wrong is said without repeating it.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    rematch_at: time = REMATCH_AT
    """When every release is matched again each day, UTC, as `03:00`."""
    advisory_sources: str = ""
    """`<name>=<https URL>`, separated by commas: OSV records to fetch, as a zip archive or JSON. Empty: none."""
    kev_source: str = ""
    """https URL of the catalogue of known exploited vulnerabilities, the official JSON. Empty: it is not fetched."""
    epss_source: str = ""
    """https URL of the exploitation scores, the official CSV, plain or gzipped. Empty: they are not fetched."""
    advisory_interval: Annotated[float, Field(ge=1)] = 3600.0
    """Seconds between two looks at a source."""
    advisory_patience: Annotated[float, Field(gt=0)] = 30.0
    """Seconds until the second attempt after one that failed; doubled by each further failure, up to the interval."""
    advisory_seconds: Annotated[float, Field(gt=0)] = 900.0
    """How long one attempt may take; what has arrived by then is kept, and the next attempt asks for the rest."""
    advisory_max_bytes: Annotated[int, Field(gt=0)] = 4 * 2**30
    """Of one source, as it is sent."""
    advisory_allowed_networks: str = ""
    """Networks, separated by commas, that sources may lie in although they are not public."""
    advisory_ca_file: Path | None = None
    """Authorities to believe instead of the usual ones, PEM."""
    advisory_spool_dir: Path | None = None
    """Where downloads wait. None: a folder in the system's folder for temporary files."""

    @property
    def feed_sources(self) -> tuple[FeedSource, ...]:
        """What to fetch."""
        return (
            *read_sources(self.advisory_sources),
            *exploitation_source("kev", self.kev_source),
            *exploitation_source("epss", self.epss_source),
        )

    @property
    def feed_networks(self) -> tuple[Network, ...]:
        """What need not be public."""
        return read_networks(self.advisory_allowed_networks)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        _ = self.feed_sources, self.feed_networks
        return self
