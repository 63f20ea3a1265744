"""How many documents and vectors of others were compared: said at the end of the run."""

FIGURES: list[str] = []


def say(what: str, counted: object) -> None:
    """Have `counted` shown under `what` when all tests have run."""
    FIGURES.append(f"{what}: {counted}")
