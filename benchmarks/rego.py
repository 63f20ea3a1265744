"""How fast one realistic Rego gate is judged: in process, by a worker, and by the second engine; once it is compiled.

python -m benchmarks.rego
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import regopy

from shared.rego import engine
from shared.rego.process import WorkerProcess
from shared.rego.protocol import evaluation
from shared.rego.question import Question
from tests.support.gate_policies import RELEASE, release_input

PIECES = (10, 100, 1_000, 10_000)
SECONDS_EACH = 1.5


def median(ask: Callable[[], object]) -> float:
    """Milliseconds of one call, asked at least three times."""
    ask()
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < 3 or time.perf_counter() - begun < SECONDS_EACH:  # noqa: PLR2004 - the fewest with a middle
        start = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def second(text: str) -> Callable[[], object]:
    """The second engine, with the policy parsed before."""
    interpreter = regopy.Interpreter()
    interpreter.strict_built_in_errors = True
    interpreter.add_module("policy.rego", RELEASE)
    interpreter.set_input(json.loads(text))
    return lambda: str(interpreter.query("x = data.release.allow"))


def outside(worker: WorkerProcess, text: str) -> Callable[[], object]:
    """The engine in a process of its own."""
    return lambda: worker.ask(evaluation(Question(RELEASE, text)), 60)


def compiled() -> object:
    """What a policy costs before its first answer: parsing, checking and analysing."""
    engine._compiled.clear()  # noqa: SLF001 - the point is to compile anew
    return engine.evaluate(RELEASE, "{}")


def main() -> None:
    """Print milliseconds per evaluation."""
    print(f"gate of {len(RELEASE.splitlines())} lines; first evaluation {median(compiled):.2f} ms")
    started = time.perf_counter()
    worker = WorkerProcess()
    print(f"worker ready after {(time.perf_counter() - started) * 1000:.0f} ms")
    print("pieces  input KiB  regorus ms  worker ms  regopy ms")
    for pieces in PIECES:
        text = Question.about(RELEASE, release_input(pieces)).input
        inside = median(partial(engine.evaluate, RELEASE, text))
        asked = median(outside(worker, text))
        other = median(second(text))
        print(f"{pieces:6}  {len(text) / 1024:9.1f}  {inside:10.3f}  {asked:9.3f}  {other:9.2f}")
    worker.end()


if __name__ == "__main__":
    main()
