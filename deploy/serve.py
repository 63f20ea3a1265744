"""Runs one service process until SIGTERM, as `HALLMARK_*` variables say: what each container of the system executes."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from deploy.secrets import SERVICES


def main(arguments: list[str]) -> int:
    """Run the service that `arguments` name; 2 when they do not. Raises `ValidationError` for wrong variables."""
    match arguments:
        case [name] if name in SERVICES:
            # By name: a process loads its own service and none of the others.
            import_module(f"services.{name}.app").run(os.environ)
            return 0
        case _:
            print(f"usage: python -m deploy.serve {'|'.join(SERVICES)}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
