"""What an exit code says, for scripts and pipelines."""

from __future__ import annotations

from enum import IntEnum

from shared.errors import HallmarkError, Transient


class Exit(IntEnum):
    """Exit codes of `hallmark`."""

    DONE = 0
    """Done, or allowed."""
    USAGE = 2
    """The command was wrong, or refused as it was asked."""
    DENIED = 3
    """A gate said no, or a verification failed."""
    PENDING = 4
    """Something is still awaited, or the waiting time ran out."""
    UNAVAILABLE = 5
    """It could not be judged, or nobody answered."""


def exit_for(error: HallmarkError) -> Exit:
    """The exit code for an error."""
    return Exit.UNAVAILABLE if isinstance(error, Transient) else Exit.USAGE
