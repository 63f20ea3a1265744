"""What the promotion service's handlers find beside messages: whose verdicts count, which CDEvents are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.gate_keys import GateKeys, load_gate_keys
from shared.settings import ServiceSettings


class PromotionSettings(ServiceSettings):
    """What the promotion service reads beside the common settings."""

    cdevents_draft: Literal["", "0.6"] = ""
    """`0.6`: say approvals too, as the draft of CDEvents 0.6 has them."""


@dataclass(frozen=True)
class Equipment:
    """Made once, at start."""

    gate_keys: GateKeys
    cdevents_draft: bool


def load_equipment(settings: ServiceSettings) -> Equipment:
    """The equipment that the settings ask for. Raises as `load_gate_keys`."""
    draft = isinstance(settings, PromotionSettings) and settings.cdevents_draft == "0.6"
    return Equipment(load_gate_keys(settings), draft)
