"""The audit log in the console: searched, and proven in the reader's own browser."""

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from playwright.async_api import Route

from shared.clock import utc_now
from shared.crypto import keys
from shared.crypto.cosignature import cosign
from shared.crypto.note import parts, with_lines
from shared.crypto.note_keys import WitnessKey
from tests.console.conftest import Console
from tests.support.browser import Tab, a_tab, needs_chromium
from tests.support.eventually import eventually

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]


async def logged(console: Console, **wanted: Any) -> list[dict[str, Any]]:
    """Entries of the log by the API, with what they say."""
    path = "/log/entries?" + "&".join(f"{name}={value}" for name, value in wanted.items())
    found = (await console.shop.ask("GET", path)).json()["entries"]
    return [one | json.loads(one["entry"]) for one in found]


async def a_verdict(console: Console, version: str) -> dict[str, Any]:
    """The log's entry about a verdict on a version that was refused."""
    await console.shop.create(version, tested=False)
    body = {"application": "web", "version": version, "to_stage": "dev"}
    asked = (await console.shop.ask("POST", "/projects/shop/promotions", f"to-dev-{version}", json=body)).json()
    await console.shop.follow(asked)

    async def look() -> list[dict[str, Any]]:
        return [one for one in await logged(console, about=asked["promotion_id"]) if one["kind"] == "verdict"]

    return (await eventually(look, bool))[0]


async def outcome(tab: Tab, part: str) -> str:
    """What the page says once it has checked."""
    await tab.page.wait_for_selector(f"{part}[data-checked=yes]")
    return await tab.text(f"{part} [data-outcome]")


async def falsify(tab: Tab, path: str, change: Any) -> None:
    """Have answers on that path changed on their way to the page."""

    async def answer(route: Route) -> None:
        whole = await (await route.fetch()).json()
        change(whole)
        await route.fulfill(json=whole)

    await tab.page.route(f"**{path}**", answer)


async def test_entries_are_found_and_lead_to_what_they_are_about(console: Console, admin_tab: Tab) -> None:
    entry = await a_verdict(console, "7.1.0")
    await admin_tab.open("/log")
    assert "entries, each one decided or accepted" in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("log")
    await admin_tab.page.select_option("select[name=kind]", "verdict")
    await admin_tab.page.fill("input[name=project]", "shop")
    await admin_tab.press("Search")
    assert await admin_tab.page.locator("#entries tbody tr").count() >= 1
    assert set(await admin_tab.page.locator("#entries tbody tr td:nth-child(3)").all_inner_texts()) == {
        "Gates gave a verdict"
    }
    link = admin_tab.page.get_by_role("link", name=entry["subject"])
    assert await link.get_attribute("href") == f"/projects/shop/verdicts/{entry['subject']}"
    await admin_tab.page.fill("input[name=until]", "2020-01-01")
    await admin_tab.press("Search")
    assert "No entry is like that." in await admin_tab.text()
    await admin_tab.open("/log")
    await admin_tab.page.fill("input[name=about]", str(entry["index"]))
    await admin_tab.press("Search")
    assert admin_tab.page.url == f"{console.url}/log/{entry['index']}"
    await admin_tab.open(f"/log?about={entry['digest']}")
    assert await admin_tab.page.locator("#entries tbody tr").count() == 1
    await admin_tab.open("/log?since=tomorrow", 422)
    await admin_tab.open("/log/123456789", 404)


async def test_hostile_words_are_looked_for_harmlessly(admin_tab: Tab) -> None:
    await admin_tab.open("/log?about=%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE" + "x" * 100)
    assert "No entry is like that." in await admin_tab.text()
    await admin_tab.must_be_sound()


async def test_an_entry_is_proven_in_the_browser(console: Console, admin_tab: Tab) -> None:
    entry = await a_verdict(console, "7.1.1")
    await admin_tab.open(f"/log/{entry['index']}")
    said = await outcome(admin_tab, "[data-entry-proof]")
    found = re.search(r"This entry is in the log of ([\d,]+) entries with root ([0-9a-f]{64})\.", said)
    assert found, said
    size = int(found[1].replace(",", ""))
    proof = (await console.shop.ask("GET", f"/log/inclusion?index={entry['index']}&size={size}")).json()
    steps = await admin_tab.page.locator(".tree .given").count()
    assert steps == len(proof["hashes"]) > 0
    assert await admin_tab.page.locator(".tree .good").count() == 1
    assert "fails" not in said
    assert entry["entry"] in await admin_tab.text("#entry-bytes")
    await admin_tab.must_be_sound_everywhere("log-entry")
    # The browser remembers: a later look compares.
    await a_verdict(console, "7.1.2")
    await admin_tab.open(f"/log/{entry['index']}")
    assert "the log has only grown" in await outcome(admin_tab, "[data-entry-proof]")


def _hash(whole: dict[str, Any]) -> None:
    first = whole["hashes"][0]
    whole["hashes"][0] = first[:-1] + ("0" if first[-1] != "0" else "1")


def _entry(whole: dict[str, Any]) -> None:
    whole["entry"] = whole["entry"].replace('"verdict"', '"verdicT"')


def _root(whole: dict[str, Any]) -> None:
    lines = whole["note"].split("\n")
    lines[2] = ("B" if lines[2][0] != "B" else "C") + lines[2][1:]
    whole["note"] = "\n".join(lines)


def _signature(whole: dict[str, Any]) -> None:
    at = whole["note"].index("— ") + len("— ") + len(whole["note"].split("\n")[0]) + 20
    other = "A" if whole["note"][at] != "A" else "B"
    whole["note"] = whole["note"][:at] + other + whole["note"][at + 1 :]


def _shorter(whole: dict[str, Any]) -> None:
    whole["hashes"].pop()


def _elsewhere(whole: dict[str, Any]) -> None:
    whole["index"] -= 1


FALSIFIED = {
    "a neighbour": (_hash, "The root that comes out is not the one that was signed."),
    "the entry": (_entry, "The bytes that were proven are not those that this page shows."),
    "the root": (_root, "The root that comes out is not the one that was signed."),
    "the signature": (_signature, "A signature under the checkpoint is wrong."),
    "the length": (_shorter, "The proof ends before the root."),
    "the place": (_elsewhere, "The root that comes out is not the one that was signed."),
}


@pytest.mark.parametrize("what", FALSIFIED)
async def test_what_was_falsified_is_shown_as_failing(console: Console, admin_tab: Tab, what: str) -> None:
    change, problem = FALSIFIED[what]
    entry = await a_verdict(console, "7.1.3")
    await falsify(admin_tab, f"/log/{entry['index']}/proof.json", change)
    await admin_tab.open(f"/log/{entry['index']}")
    said = await outcome(admin_tab, "[data-entry-proof]")
    assert f"This is not proven: {problem}" in said
    assert "This entry is in the log" not in said
    await admin_tab.must_be_sound()
    if what == "a neighbour":
        await admin_tab.must_be_sound_everywhere("log-entry-falsified")


async def test_without_a_secure_connection_the_page_says_how_to_check(admin_tab: Tab) -> None:
    hidden = "Object.defineProperty(crypto, 'subtle', { get: () => undefined })"
    await admin_tab.page.add_init_script(hidden)
    await admin_tab.open("/log/0")
    said = await outcome(admin_tab, "[data-entry-proof]")
    assert "nothing was checked" in said
    assert "hallmark log inclusion 0" in await admin_tab.text()
    await admin_tab.must_be_sound()


async def test_a_browser_that_knows_no_such_signature_says_so(admin_tab: Tab) -> None:
    refuse = "crypto.subtle.importKey = async () => { throw new DOMException('no', 'NotSupportedError'); }"
    await admin_tab.page.add_init_script(refuse)
    await admin_tab.open("/log/0")
    said = await outcome(admin_tab, "[data-entry-proof]")
    assert "Who signed that root was not checked." in said
    assert "unchecked" in said


async def test_states_are_compared_in_the_browser_and_a_rewritten_log_is_noticed(
    console: Console, admin_tab: Tab
) -> None:
    await a_verdict(console, "7.2.0")
    states = (await console.shop.ask("GET", "/log/checkpoints?newest_first=true&limit=5")).json()["checkpoints"]
    earlier, later = states[-1]["size"], states[0]["size"]
    await admin_tab.open(f"/log/consistency?first={earlier}&second={later}")
    said = await outcome(admin_tab, "[data-consistency]")
    assert f"begins with all {earlier} entries of the earlier state, unchanged" in said
    assert "fails" not in said
    await admin_tab.must_be_sound_everywhere("log-consistency")
    await falsify(admin_tab, "/log/consistency.json", _hash)
    await admin_tab.open(f"/log/consistency?first={earlier}&second={later}")
    assert "This is not proven: What comes out for the" in await outcome(admin_tab, "[data-consistency]")
    await admin_tab.page.unroute_all()
    # What this browser remembers is another log: the root it saw is not in this one.
    origin = states[0]["note"].split("\n")[0]
    seen = json.dumps({"size": earlier, "root": "00" * 32, "at": 0})
    await admin_tab.page.evaluate(
        "([name, value]) => localStorage.setItem(name, value)", [f"hallmark-log:{origin}", seen]
    )
    await admin_tab.open("/log")
    await admin_tab.page.wait_for_selector("[data-log-check][data-checked=yes]")
    assert "the log was rewritten" in await admin_tab.text("[data-log-check]")
    await admin_tab.open("/log/consistency?first=1&second=999999999", 404)


async def test_witnesses_are_shown_with_what_they_last_saw(console: Console, admin_tab: Tab) -> None:
    private = keys.generate()
    assert not isinstance(private, EllipticCurvePrivateKey)
    line = str(WitnessKey("witness.example/console", private.public_key()))
    await console.shop.ask("POST", "/log/witnesses", "witness", json={"verifier_key": line})
    await admin_tab.open("/log/checkpoints")
    assert "never seen" in await admin_tab.text()
    state = (await console.shop.ask("GET", "/log/checkpoint")).json()
    text = parts(state["note"].encode())[0]
    signed = with_lines(
        state["note"].encode(), [cosign(text, "witness.example/console", private, int(utc_now().timestamp()))]
    )
    await console.shop.ask("POST", "/log/cosignatures", "cosigned", json={"note": signed.decode()})
    await a_verdict(console, "7.3.0")
    await admin_tab.open("/log/checkpoints")
    row = await admin_tab.page.locator("tr", has_text="witness.example/console").first.inner_text()
    assert "catching up" in row
    await admin_tab.page.wait_for_selector("[data-log-check][data-checked=yes]")
    assert "entries is signed by hallmark.local/log" in await admin_tab.text("[data-log-check]")
    await admin_tab.must_be_sound_everywhere("log-checkpoints")


async def test_nobody_reads_the_log_without_signing_in(console: Console) -> None:
    async with a_tab(console.browser, console.url) as stranger:
        await stranger.open("/log/0")
        assert "/sign-in" in stranger.page.url
