"""Abuse case 37: time, memory, crashes and prying in the worker; the next question is always answered."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from shared.errors import Invalid
from shared.rego.pool import RegoPool, answered_offline, checked_offline
from shared.rego.process import WorkerFailed, WorkerProcess
from shared.rego.question import MAX_INPUT, Granted, Question, Refused, Undecided
from tests.support.eventually import eventually

pytestmark = pytest.mark.thorough

GATE = 'package gate\ndefault allow := false\nallow if input.good\ndeny contains "it is bad" if not input.good\n'
GOOD, BAD = Question(GATE, '{"good":true}'), Question(GATE, '{"good":false}')
ENDLESS = """package gate
l := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
allow if { l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] + l[_] > 1000 }
"""
HUNGRY = """package gate
f(s) := concat("", [s, s, s, s, s, s, s, s, s, s])
allow if f(f(f(f(f(f(f(f(f(input.s)))))))))
"""
BOTTOMLESS = "package gate\nf(n) := f(n + 1)\nallow if f(1)\n"
TALKATIVE = """package gate
f(s) := concat("", [s, s, s, s, s, s, s, s, s, s])
allow := f(f(f(f(f(input.s)))))
"""


@pytest.fixture
async def pool() -> AsyncIterator[RegoPool]:
    async with RegoPool(workers=1, limit=60) as started:
        yield started


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (Question(HUNGRY, '{"s":"0123456789"}'), "rego_memory"),
        (Question(BOTTOMLESS, "{}"), "rego_crashed"),
        (Question(TALKATIVE, '{"s":"0123456789"}'), "rego_output_too_large"),
        (Question(GATE, '"' + "x" * MAX_INPUT + '"'), "rego_input_too_large"),
        (Question("#" * 70_000, "{}"), "rego_too_large"),
        (Question(GATE, "{"), "rego_failed"),
        (Question(GATE, '"\ud800"'), "rego_failed"),
        (Question("package gate\nallow if 1 + input.x == 2", '{"x":"y"}'), "rego_failed"),
        (Question("package gate\nallow := true\nallow := false if input.x", '{"x":1}'), "rego_failed"),
        (Question("package gate\nallow if not to_number(input.x)", '{"x":"y"}'), "rego_failed"),
        (Question("package gate\nallow if x\nx if not x", "{}"), "rego_failed"),
        (Question("package gate\nallow if http.send({})", "{}"), "rego_builtin_refused"),
        (Question("no module", "{}"), "rego_malformed"),
        (Question("package gate\nallow if input.x", "{}"), "rego_undefined"),
        (Question('package gate\nallow := "true"', "{}"), "rego_result_malformed"),
        (Question("package gate\nallow := {true}", "{}"), "rego_result_malformed"),
        (Question('package gate\nallow := "<undefined>"', "{}"), "rego_undefined"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_goes_wrong_is_undecided_and_the_next_question_is_answered(
    pool: RegoPool, question: Question, code: str
) -> None:
    answer = await pool.answer(question)
    assert isinstance(answer, Undecided)
    assert answer.code == code
    assert answer.detail
    assert await pool.answer(GOOD) == Granted("", "true")


async def test_an_endless_policy_is_stopped() -> None:
    async with RegoPool(workers=1) as pool:
        answer = await pool.answer(Question(ENDLESS, "{}"))
        assert isinstance(answer, Undecided)
        assert answer.code == "rego_timeout"
        await until(lambda: workers() == [])
        assert await pool.answer(GOOD) == Granted("", "true")


async def test_a_worker_killed_in_the_middle_is_replaced() -> None:
    async with RegoPool(workers=1, limit=60) as pool:
        assert await pool.answer(BAD) == Refused("it is bad", "false")
        (pid,) = workers()
        asking = asyncio.create_task(pool.answer(Question(ENDLESS, "{}")))
        await until(lambda: busy(pid))
        os.kill(pid, signal.SIGKILL)
        answer = await asking
        assert isinstance(answer, Undecided)
        assert answer.code == "rego_crashed"
        assert await pool.answer(GOOD) == Granted("", "true")
        assert workers() != [pid]


async def test_who_stops_waiting_ends_the_worker() -> None:
    async with asyncio.timeout(60), RegoPool(workers=1, limit=600) as pool:
        await pool.answer(GOOD)
        (pid,) = workers()
        asking = asyncio.create_task(pool.answer(Question(ENDLESS, "{}")))
        await until(lambda: busy(pid))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await pool.answer(BAD) == Refused("it is bad", "false")
        await until(lambda: pid not in workers())


async def test_a_pool_without_questions_starts_no_worker_and_a_closed_one_leaves_none() -> None:
    async with RegoPool(workers=2) as pool:
        assert workers() == []
        await asyncio.gather(pool.answer(GOOD), pool.answer(BAD), pool.answer(GOOD))
        assert 1 <= len(workers()) <= 2
    assert workers() == []


async def test_closing_ends_what_is_under_way() -> None:
    pool = RegoPool(workers=1, limit=600)
    await pool.answer(GOOD)
    (pid,) = workers()
    asking = asyncio.create_task(pool.answer(Question(ENDLESS, "{}")))
    await until(lambda: busy(pid))
    closing = asyncio.create_task(pool.aclose())
    try:
        await until(asking.done)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await closing
    assert isinstance(asking.result(), Undecided)
    assert workers() == []


async def test_many_questions_are_answered_by_their_keys_the_same_on_and_off_line(pool: RegoPool) -> None:
    questions = [Question(GATE, f'{{"good":{str(n % 3 == 0).lower()},"n":{n % 20}}}') for n in range(60)]
    answers = await pool.answer_all(questions)
    assert answers == answered_offline(reversed(questions))
    assert list(answers) == sorted({question.key for question in questions})
    assert {type(one) for one in answers.values()} == {Granted, Refused}


async def test_one_policy_leaves_nothing_behind_for_the_next_question(pool: RegoPool) -> None:
    for _ in range(3):
        assert await pool.answer(GOOD) == Granted("", "true")
        assert await pool.answer(BAD) == Refused("it is bad", "false")
        assert isinstance(await pool.answer(Question(GATE, "{")), Undecided)


@pytest.mark.parametrize("source", ["[" * 900 + "]" * 900, "[" * 60, "{" * 900 + "}" * 900])
async def test_a_module_that_breaks_the_parser_is_refused(source: str) -> None:
    pool = RegoPool(workers=1)
    with pytest.raises(Invalid) as refusal:
        await pool.check(f"package gate\nallow := {source}\n")
    assert refusal.value.code in {"rego_malformed", "rego_too_costly"}
    assert (await pool.check(GATE)).messages == ("deny",)
    await pool.aclose()


async def test_a_check_off_line_says_the_same(pool: RegoPool) -> None:
    assert checked_offline(GATE, limit=60) == await pool.check(GATE)
    asks: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: pool.check("package gate"),
        lambda: asyncio.to_thread(checked_offline, "package gate", limit=60),
    )
    for ask in asks:
        with pytest.raises(Invalid) as refusal:
            await ask()
        assert refusal.value.code == "rego_entry_missing"


def test_sets_are_sorted_so_that_equal_questions_have_equal_answers() -> None:
    source = 'package gate\nallow := {"should_allow": false, "explanation": {m | some m in input.said}}\n'
    said = [[3, "b"], "c", "a", {"msg": "d"}, 2]
    texts = [str(order).replace("'", '"') for order in (said, said[::-1])]
    one, other = (answered_offline([Question(source, f'{{"said":{text}}}')]) for text in texts)
    assert list(one.values()) == list(other.values())


def test_the_worker_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_SECRET", "hush")
    worker = WorkerProcess()
    try:
        assert Path(f"/proc/{worker.pid}/environ").read_bytes() == b""
        assert os.getsid(worker.pid) == worker.pid
    finally:
        worker.end()


PRYING = """
import os, socket, sys
from shared.rego.confinement import confine, limit_memory
limit_memory()
confine(os.getppid())
for attempt in (lambda: open("/etc/hostname"), lambda: socket.socket(), lambda: os.pipe(), lambda: bytearray(1 << 30),
                lambda: os.environ["PATH"]):
    try:
        attempt()
    except (OSError, MemoryError, KeyError) as error:
        print(type(error).__name__)
    else:
        print("possible")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_a_confined_process_opens_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PRYING], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["OSError", "OSError", "OSError", "MemoryError", "KeyError"]


ORPHANING = """
import os, sys, time
from shared.rego.process import WorkerProcess
from shared.rego.protocol import evaluation, framed
from shared.rego.question import Question
worker = WorkerProcess()
worker._write(framed(evaluation(Question(sys.argv[1], "{}"))), time.monotonic() + 60)
print(worker.pid, flush=True)
sys.stdin.read()
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
async def test_a_worker_dies_with_its_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHANING, ENDLESS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    stat = Path(f"/proc/{pid}/stat")
    try:
        await until(lambda: busy(pid))
        await parent.communicate(b"now")
        await until(lambda: not stat.exists() or ") Z " in stat.read_text())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
def test_a_worker_that_cannot_start_is_unavailable(monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(WorkerFailed) as failure:
        WorkerProcess()
    assert failure.value.code == "rego_unavailable"
    (answer,) = answered_offline([GOOD]).values()
    assert isinstance(answer, Undecided)
    assert answer.code == "rego_unavailable"


@pytest.mark.parametrize("request_", [{}, {"evaluate": 7, "input": "{}"}, {"check": None}])
def test_a_request_that_makes_no_sense_is_answered_as_a_failure(request_: dict[str, object]) -> None:
    worker = WorkerProcess()
    try:
        assert worker.ask(request_, 10)["failed"]["code"] == "rego_failed"
        assert "checked" in worker.ask({"check": GATE}, 10)
    finally:
        worker.end()


async def until(holds: Callable[[], bool]) -> None:
    async def read() -> bool:
        return holds()

    await eventually(read)


def workers() -> list[int]:
    """The ids of this process's living workers."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if int(words[1]) == os.getpid() and words[0] != "Z" and b"shared.rego.worker" in command:
                found.append(int(folder.name))
    return found


def busy(pid: int) -> bool:
    """Has the process burnt more time than starting takes?"""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") > 0.3
