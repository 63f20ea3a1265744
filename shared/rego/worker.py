"""`python -m shared.rego.worker PARENT`: a process that judges policies for PARENT and can do nothing else."""

from __future__ import annotations

import sys

from shared.rego.confinement import confine, limit_memory


def main(parent: int) -> None:
    """Give up everything, then serve until the standard input ends."""
    limit_memory()
    # Imported under the limit: the engine's allocator would reserve a GiB at once, and live in it whatever the limit.
    from shared.rego.serving import serve  # noqa: PLC0415

    confine(parent)
    serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
