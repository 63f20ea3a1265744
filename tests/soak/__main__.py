"""`make soak`: promotions by the thousand while services, nats-server and mongod are killed at random.

The result is JSON on standard output and in the folder; exit code 1 when anything does not hold. Where something does
not, or where the soak was interrupted, the folder stays, and the printed command goes on in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import Soaking, soak


def read_arguments(arguments: list[str]) -> Soaking:
    """What is wanted. Ends the process with a message when the arguments are wrong."""
    reader = argparse.ArgumentParser(prog="python -m tests.soak", description="Promotions while processes are killed.")
    reader.add_argument("--promotions", type=int, default=10_000, help="how many (an even number)")
    reader.add_argument("--at-once", type=int, default=64, help="how many at a time")
    reader.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeats a run")
    reader.add_argument("--kill-every", type=int, default=50, help="one kill for so many promotions; 0: none")
    reader.add_argument("--nodes", type=int, default=1, choices=(1, 3), help="NATS servers and mongod")
    reader.add_argument("--scale", type=int, default=1, help="instances of each service but the gateway")
    reader.add_argument("--folder", type=Path, help="where everything lies; an earlier soak there goes on")
    given = reader.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="hallmark-soak-"))
    return Soaking(folder, given.promotions, given.at_once, given.seed, given.kill_every, given.nodes, given.scale)


def main(arguments: list[str]) -> int:
    """Soak, and say what was seen; 0 when everything holds."""
    wanted = read_arguments(arguments)
    again = (
        f"python -m tests.soak --promotions {wanted.promotions} --at-once {wanted.at_once} --seed {wanted.seed} "
        f"--kill-every {wanted.kill_every} --nodes {wanted.nodes} --scale {wanted.scale}"
    )
    sys.stderr.write(f"seed {wanted.seed}; goes on with: {again} --folder {wanted.folder}\n")
    outcome = asyncio.run(soak(wanted))
    result = {**outcome.figures, "problems": outcome.problems[:200], "problem_count": len(outcome.problems)}
    text = json.dumps(result, indent=2) + "\n"
    (wanted.folder / "result.json").write_text(text)
    sys.stdout.write(text)
    if outcome.problems:
        sys.stderr.write(f"not everything holds; the history is in {wanted.folder / 'history.jsonl'}\n")
        sys.stderr.write(f"the same kills on a fresh system: {again}\n")
        return 1
    if "--folder" not in arguments:
        shutil.rmtree(wanted.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
