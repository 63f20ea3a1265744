"""What the promotion service says in the words of CDEvents."""

from __future__ import annotations

from typing import ClassVar

from contracts.cdevents import Cdevent


class CdeventPublished(Cdevent):
    """A promotion, an approval or a trusted release, as a CDEvent."""

    subject: ClassVar[str] = "hallmark.evt.promotion.cdevent.published.v1"
