"""`proof.js` in a real browser says of proofs, checkpoints and cosignatures what the Python implementation says."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route

from services.gateway.console.app import STATIC
from shared.crypto import keys, merkle, note
from shared.crypto.keys import Algorithm
from tests.support.browser import browser, needs_chromium
from tests.support.small_log import ORIGIN, START, SmallLog, WitnessOf

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="module")]
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65)
SECURE, PLAIN = "https://console.example", "http://console.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Any]:
    async with browser() as found:
        yield found


async def page_at(running: Any, url: str) -> Page:
    """An empty page that can import the console's modules."""

    async def answer(route: Route) -> None:
        name = route.request.url.removeprefix(f"{url}/static/")
        if name == "proof.js":
            await route.fulfill(content_type="text/javascript", body=(STATIC / name).read_text())
        else:
            await route.fulfill(content_type="text/html", body="<!doctype html><title>empty</title>")

    page: Page = await (await running.new_context()).new_page()
    await page.route(f"{url}/**", answer)
    await page.goto(f"{url}/")
    return page


async def in_browser(page: Page, script: str, argument: Any) -> Any:
    return await page.evaluate(
        f"async (given) => {{ const proof = await import('/static/proof.js'); {script} }}", argument
    )


def hexed(hashes: Any) -> list[str]:
    return [one.hex() for one in hashes]


def damaged(hashes: tuple[bytes, ...], chance: random.Random) -> tuple[bytes, ...]:
    """A proof with something wrong; sometimes it is left as it was."""
    kind = chance.randrange(6)
    if kind == 0 or not hashes:
        return (*hashes, chance.randbytes(32)) if kind == 1 else hashes
    at = chance.randrange(len(hashes))
    if kind == 1:
        return (*hashes[:at], *hashes[at + 1 :])
    if kind == 2:
        return (*hashes, chance.randbytes(32))
    if kind == 3:
        flipped = bytes([hashes[at][0] ^ 1]) + hashes[at][1:]
        return (*hashes[:at], flipped, *hashes[at + 1 :])
    if kind == 4:
        return tuple(reversed(hashes))
    return hashes


async def test_inclusion_is_judged_as_in_python(running: Any) -> None:
    chance, log = random.Random(7), SmallLog()  # noqa: S311 - the same cases in every run
    log.grow(max(SIZES))
    roots = {size: merkle.root([one.leaf for one in log.entries[:size]]) for size in SIZES}
    cases, expected = [], []
    for size in SIZES:
        for index in {0, size // 2, size - 1, chance.randrange(size)}:
            for _ in range(4):
                hashes = damaged(log.inclusion(index, size), chance)
                claimed = chance.choice((index, index, index, chance.randrange(size)))
                entry = log.entries[index]
                cases.append([entry.data.decode(), claimed, size, hexed(hashes), roots[size].hex()])
                expected.append(merkle.verify_inclusion(entry.leaf, claimed, size, hashes, roots[size]))
    assert {True, False} == set(expected)
    found = await in_browser(
        await page_at(running, SECURE),
        """const answers = [];
        for (const [entry, index, size, hashes, root] of given) {
          const [path, expected] = [hashes.map(proof.digestBytes), proof.digestBytes(root)];
          const seen = await proof.verifyInclusion(new TextEncoder().encode(entry), index, size, path, expected);
          answers.push([seen.holds, seen.problem === "", seen.steps.length === hashes.length || !seen.holds]);
        }
        return answers;""",
        cases,
    )
    assert found == [[holds, holds, True] for holds in expected]


async def test_consistency_is_judged_as_in_python(running: Any) -> None:
    chance, log = random.Random(8), SmallLog()  # noqa: S311 - the same cases in every run
    log.grow(max(SIZES))
    roots = {size: merkle.root([one.leaf for one in log.entries[:size]]) for size in range(1, max(SIZES) + 1)}
    cases, expected = [], []
    for second in range(1, 34):
        for first in range(1, second + 1):
            proof = log.consistency(first, second)
            other = chance.choice((first, first, first, chance.randint(1, max(SIZES))))
            for hashes, root in ((proof, roots[first]), (damaged(proof, chance), roots[other])):
                cases.append([first, second, root.hex(), roots[second].hex(), hexed(hashes)])
                expected.append(merkle.verify_consistency(first, second, root, roots[second], hashes))
    assert {True, False} == set(expected)
    found = await in_browser(
        await page_at(running, SECURE),
        """const answers = [];
        for (const [first, second, one, other, hashes] of given) {
          const roots = [one, other].map(proof.digestBytes);
          const seen = await proof.verifyConsistency(first, second, ...roots, hashes.map(proof.digestBytes));
          answers.push([seen.holds, seen.problem === ""]);
        }
        return answers;""",
        cases,
    )
    assert found == [[holds, holds] for holds in expected]


@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_checkpoints_are_believed_by_the_right_key_only(running: Any, algorithm: Algorithm) -> None:
    log = SmallLog(private=keys.generate(algorithm))
    witness, stranger = WitnessOf(), keys.generate(algorithm)
    signed = witness.cosign(log.grow(5).note)
    own, other = str(log.key), str(note.NoteKey(ORIGIN, stranger.public_key()))
    text = signed.decode()
    wrong_root = text.replace("\n5\n", "\n6\n")
    wrong_id = own.replace(own.split("+")[1], "00000000")
    cases = [[text, [own]], [text, [other, own]], [text, [other]], [wrong_root, [own]], [text, [wrong_id]], ["", [own]]]
    found = await in_browser(
        await page_at(running, SECURE),
        """const answers = [];
        for (const [text, lines] of given) {
          const seen = await proof.verifyCheckpoint(text, lines);
          answers.push([seen.state, seen.checkpoint?.size ?? null]);
        }
        return answers;""",
        cases,
    )
    assert found == [["right", 5], ["right", 5], ["unsigned", 5], ["wrong", 6], ["unsigned", 5], ["wrong", None]]
    cosigned = await in_browser(
        await page_at(running, SECURE),
        "return await Promise.all(given.map(([text, line]) => proof.verifyCosignatures(text, [line])));",
        [[text, str(witness.key)], [wrong_root, str(witness.key)], [text, str(WitnessOf("other.example/b").key)]],
    )
    when = int((START + timedelta(days=1)).timestamp())
    assert cosigned == [
        [{"name": witness.name, "time": when, "state": "right"}],
        [{"name": witness.name, "time": when, "state": "wrong"}],
        [],
    ]


async def test_ecdsa_signatures_of_every_length_are_read(running: Any) -> None:
    private = keys.generate(Algorithm.ECDSA_P256)
    line = str(note.NoteKey(ORIGIN, private.public_key()))
    texts = [note.sign_checkpoint(note.Checkpoint(ORIGIN, size, bytes(32)), private).decode() for size in range(200)]
    states = await in_browser(
        await page_at(running, SECURE),
        """const seen = await Promise.all(given.texts.map((one) => proof.verifyCheckpoint(one, [given.line])));
        return seen.map((one) => one.state);""",
        {"texts": texts, "line": line},
    )
    assert states == ["right"] * 200, "the two numbers have 30 to 33 bytes"


async def test_without_a_secure_connection_a_page_knows_that_it_cannot_check(running: Any) -> None:
    for url, able in ((SECURE, True), (PLAIN, False)):
        assert await in_browser(await page_at(running, url), "return proof.canCheck();", None) is able
