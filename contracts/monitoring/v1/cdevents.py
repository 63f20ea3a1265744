"""What monitoring says in the words of CDEvents."""

from __future__ import annotations

from typing import ClassVar

from contracts.cdevents import Cdevent


class TrustCdeventPublished(Cdevent):
    """The trust in a release rose, fell or ended, as a CDEvent."""

    subject: ClassVar[str] = "hallmark.evt.monitoring.cdevent.published.v1"
