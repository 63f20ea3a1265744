"""Policies in the console: on the map of gates, in words, compared, tried on the past, and put into force."""

from typing import Any

import pytest

from tests.console.conftest import Console
from tests.support.browser import Tab, a_tab, needs_chromium
from tests.support.person import a_person

pytestmark = [pytest.mark.servers, pytest.mark.stack, needs_chromium, pytest.mark.asyncio(loop_scope="session")]
HOSTILE = "<script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 120
MODULE = "package p\ndefault allow := false\nallow if count(input.evidence) >= input.parameters.least\n"


def policy(name: str, stage: str = "prod", **spec: Any) -> dict[str, Any]:
    rule = {"id": "tests", "title": "Tests passed", "kind": "tests_passed", "signer_role": "test"}
    gates = [{"stage": stage, "gate": "entry"}]
    whole = {"gates": gates, "mode": "warn", "rules": [rule]} | spec
    metadata = {"project": "shop", "name": name}
    return {"apiVersion": "hallmark/v1", "kind": "Policy", "metadata": metadata, "spec": whole}


async def apply(console: Console, document: dict[str, Any], key: str) -> None:
    name = document["metadata"]["name"]
    await console.shop.ask("PUT", f"/projects/shop/policies/{name}", key, json={"document": document})


def typed(name: str, least: int, mode: str = "shadow", kind: str = "tests_passed") -> str:
    return f"""\
apiVersion: hallmark/v1
kind: Policy
metadata:
  project: shop
  name: {name}
spec:
  mode: {mode}
  gates:
    - stage: qa
      gate: entry
  rules:
    - id: many-tests
      title: Many tests passed
      kind: {kind}
      min_passed: {least}
"""


async def test_the_map_shows_what_judges_where(console: Console, admin_tab: Tab) -> None:
    rule = {"id": "t", "title": HOSTILE, "remedy": HOSTILE, "kind": "tests_passed"}
    hostile = policy("hostile", rules=[rule], scope={"labels": {"team": HOSTILE}, "criticality": ["high"]})
    hostile["metadata"]["title"] = HOSTILE
    await apply(console, hostile, "hostile")
    await apply(console, policy("later", mode="block", effective_on="2099-01-01"), "later")
    template = {
        "apiVersion": "hallmark/v1",
        "kind": "RuleTemplate",
        "metadata": {"project": "shop", "name": "counted", "title": "Enough evidence"},
        "spec": {
            "rego": MODULE,
            "parameters": {
                "type": "object",
                "properties": {"least": {"type": "integer", "description": "How many pieces are enough."}},
                "required": ["least"],
            },
        },
    }
    await console.shop.ask("PUT", "/projects/shop/rule-templates/counted", "counted", json={"document": template})
    counted = {"id": "c", "title": "Enough", "kind": "rego", "template": "counted", "parameters": {"least": 2}}
    await apply(
        console,
        policy("by-template", rules=[{"id": "any", "title": "Any", "kind": "any_of", "rules": [counted, rule]}]),
        "by-template",
    )
    await admin_tab.open("/policies")
    await admin_tab.must_be_sound_everywhere("policies-choose")
    await admin_tab.page.get_by_role("link", name="Shop", exact=True).first.click()
    await admin_tab.page.wait_for_url("**/projects/shop/policies")
    rows = await admin_tab.page.locator(".map tbody tr").all_inner_texts()
    assert "open: nothing stops here" in rows[0]
    assert "qa" in rows[1]
    assert "block" in rows[1]
    assert "from 2099-01-01" in rows[2]
    assert "shut: no policy opens it" in rows[2], "what is only announced opens nothing"
    await admin_tab.must_be_sound_everywhere("policies")
    await admin_tab.page.get_by_role("link", name="hostile").first.click()
    await admin_tab.page.wait_for_url("**/policies/hostile")
    await admin_tab.must_be_sound_everywhere("policy-hostile")
    await admin_tab.open("/projects/shop/policies/by-template")
    assert "for 90 days at most" in await admin_tab.text()
    await admin_tab.page.get_by_role("link", name="counted").click()
    await admin_tab.page.wait_for_url("**/rule-templates/counted")
    assert "How many pieces are enough." in await admin_tab.text()
    await admin_tab.must_be_sound_everywhere("rule-template")


async def test_a_policy_is_written_refused_corrected_applied_changed_and_compared(admin_tab: Tab) -> None:
    await admin_tab.open("/projects/shop/policies")
    await admin_tab.page.get_by_role("link", name="New policy").click()
    await admin_tab.page.wait_for_url("**/policy-draft")
    assert "kind: Policy" in await admin_tab.page.input_value("textarea")
    await admin_tab.must_be_sound_everywhere("policy-new")
    admin_tab.page.on("dialog", lambda dialog: dialog.accept())

    wrong = typed("many-tests", 5, kind="tests_pased")
    await admin_tab.page.fill("textarea", wrong)
    await admin_tab.press("Apply")
    said = await admin_tab.text("#problem")
    assert "Line 14:" in said
    assert "Write tests_passed instead of tests_pased." in said
    assert (await admin_tab.page.input_value("textarea")).strip() == wrong.strip(), "what was typed is kept"
    admin_tab.complaints.clear()  # The browser notes the 422 of a page that was refused.
    await admin_tab.must_be_sound_everywhere("policy-refused")

    await admin_tab.page.fill("textarea", typed("many-tests", 5))
    await admin_tab.press("Apply")
    assert admin_tab.page.url.endswith("/policies/many-tests?applied=created")
    text = await admin_tab.text()
    assert "Revision 1 is in force." in text
    assert "at least 5 tests passed and none failed" in text
    await admin_tab.page.get_by_role("link", name="Edit or try").click()
    await admin_tab.page.wait_for_url("**/policy-draft?policy=many-tests")
    written = await admin_tab.page.input_value("textarea")
    await admin_tab.page.fill("textarea", written.replace("min_passed: 5", "min_passed: 7"))
    await admin_tab.press("Apply")
    assert "Revision 2 is in force." in await admin_tab.text()
    assert "min_passed: 5" in await admin_tab.text(".difference .removed")
    assert "min_passed: 7" in await admin_tab.text(".difference .added")
    await admin_tab.must_be_sound_everywhere("policy")

    await admin_tab.open("/projects/shop/policies/many-tests?older=2&newer=1")
    assert "min_passed: 5" in await admin_tab.text(".difference .added")
    await admin_tab.page.locator("#history tbody tr").last.get_by_role("link", name="1", exact=True).click()
    await admin_tab.page.wait_for_url("**?digest=sha256:*")
    assert "This is revision 1, which is not in force." in await admin_tab.text()
    await admin_tab.page.get_by_role("link", name="Edit from this revision").click()
    await admin_tab.page.wait_for_url("**/policy-draft?digest=*")
    await admin_tab.press("Apply")
    assert "Revision 3 is in force." in await admin_tab.text()
    await admin_tab.open(f"/projects/shop/policies/qa?digest={'sha256:' + '00' * 32}", 404)


async def test_a_draft_is_tried_on_the_past_and_changes_nothing(console: Console, admin_tab: Tab) -> None:
    for number in range(3):
        await console.shop.create(f"8.1.{number}")
        await console.shop.promote(f"8.1.{number}", "dev")
        assert (await console.shop.promote(f"8.1.{number}", "qa"))["state"] == "completed"
    await admin_tab.open("/projects/shop/policy-draft?policy=qa")
    written = await admin_tab.page.input_value("textarea")
    await admin_tab.page.fill("textarea", written.replace("min_passed: 1", "min_passed: 100"))
    await admin_tab.page.select_option("select[name=days]", "7")
    await admin_tab.press("Try on the past")
    said = await admin_tab.text("#trial")
    assert "that passed would be stopped" in said
    rows = await admin_tab.page.locator("#trial tbody tr").all_inner_texts()
    stopped = [row for row in rows if "8.1." in row]
    assert len(stopped) == 3, rows
    assert all("Tests passed" in row for row in stopped)
    link = await admin_tab.page.locator("#trial tbody a").first.get_attribute("href")
    assert (link or "").startswith("/projects/shop/verdicts/")
    assert "min_passed: 100" in await admin_tab.page.input_value("textarea")
    assert await admin_tab.page.input_value("select[name=days]") == "7"
    await admin_tab.must_be_sound_everywhere("policy-tried")
    revisions = (await console.shop.ask("GET", "/projects/shop/policies/qa/revisions")).json()["revisions"]
    assert len(revisions) == 1


async def test_a_viewer_reads_and_tries_and_cannot_apply(console: Console) -> None:
    viewer = await a_person(console.shop, console.stack, "vera", "viewer")
    async with a_tab(console.browser, console.url) as tab:
        await tab.sign_in(viewer.token)
        await tab.open("/projects/shop/policies")
        assert await tab.page.get_by_role("link", name="New policy").count() == 0
        await tab.open("/projects/shop/policies/qa")
        assert await tab.page.get_by_role("link", name="Edit or try").count() == 0
        await tab.page.get_by_role("link", name="Try a change").click()
        await tab.page.wait_for_url("**/policy-draft?digest=*")
        assert await tab.page.get_by_role("button", name="Apply").count() == 0
        await tab.page.evaluate("document.querySelector('button[value=try]').value = 'apply'")
        await tab.press("Try on the past")
        assert "needs the role security" in await tab.text("#problem")
        assert "min_passed: 1" in await tab.page.input_value("textarea")
