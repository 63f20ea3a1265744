"""Who may change what gates ask for, and rules in Rego from the policy to the verdict: on real servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.answers import Applied
from contracts.gate.v1.events import PolicyApplied
from contracts.gate.v1.queries import ListSharedPolicies
from contracts.gate.v1.templates import ApplyTemplate, ListTemplates, ShowTemplate, TemplatePage, TemplateView
from contracts.gate.v1.views import PolicyPage
from contracts.vocabulary import Criticality, Outcome, Role
from services.gate.handlers.judging import AT_ONCE
from shared.errors import Forbidden, Invalid, NotFound, Transient
from shared.policy.policy import read_policy
from tests.integration.gate_neighbours import (
    SBOM,
    TESTS,
    GateAtWork,
    a_gate,
    application_applied,
    evaluate,
    evidence_added,
    piece,
    version_created,
)
from tests.integration.gate_scenes import confirmed, replayed, said
from tests.support.eventually import eventually
from tests.unit.gate.gate_builders import document, passed, rule

pytestmark = pytest.mark.servers
COUNTED = """package p
default allow := false
allow if count(input.evidence) >= input.parameters.least
deny contains sprintf("%d pieces of evidence where %d are asked for", [count(input.evidence), input.parameters.least])
"""
HANGING = """package p
default allow := false
many := input.parameters.many
allow if { some a in many; some b in many; some c in many; some d in many; some e in many; a + b + c + d + e == -1 }
"""


def template(rego: str, **spec: Any) -> dict[str, Any]:
    metadata = {"project": "shop", "name": "counted"}
    return {"apiVersion": "hallmark/v1", "kind": "RuleTemplate", "metadata": metadata, "spec": {"rego": rego, **spec}}


async def template_applied(gate: GateAtWork, whole: dict[str, Any], key: str, **more: Any) -> Applied:
    command = ApplyTemplate(command_id=key, project="shop", template="counted", document=whole)
    return await gate.asker.ask(command, Applied, deadline=20, **more)


async def asked(gate: GateAtWork, promotion: str) -> Outcome:
    await gate.handle(evaluate(promotion), f"tell {promotion}")
    return (await gate.verdicts())[0].outcome


def named(project: str, policy: dict[str, Any]) -> dict[str, Any]:
    return {**policy, "metadata": {**policy["metadata"], "project": project}}


@pytest.mark.parametrize("projects", [["*"], ["shop", "bank"], ["bank"]])
async def test_policies_for_other_projects_are_for_security_everywhere(tmp_path: Path, projects: list[str]) -> None:
    async with a_gate(tmp_path) as gate:
        wide = document(TESTS, scope={"projects": projects})
        local = gate.system.token("sec", Role.SECURITY, project="shop")
        everywhere = gate.system.token("root", Role.SECURITY)
        with pytest.raises(Forbidden) as forbidden:
            await gate.apply(wide, token=local)
        assert forbidden.value.code == "role_missing"
        await gate.apply(wide, token=everywhere)
        with pytest.raises(Forbidden) as taken_away:
            await gate.apply(document(TESTS), token=local)
        assert taken_away.value.code == "role_missing", "to narrow it opens the gates of others"
        assert (await gate.apply(document(TESTS), token=everywhere)).revision == 2
        assert (await gate.apply(document(TESTS, SBOM), token=local)).revision == 3


async def test_a_wide_policy_governs_others_until_it_is_taken_back_and_what_waits_is_judged_again(
    tmp_path: Path,
) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.apply(named("platform", document(SBOM, scope={"projects": ["*"]})), project="platform")
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("t", passed())), "t")
        assert await asked(gate, "p-1") is Outcome.PENDING
        [first] = await gate.verdicts()
        assert {finding.rule for finding in first.findings} == {"tests-passed", "required-evidence"}
        back = named("platform", document(SBOM))
        await gate.apply(back, project="platform", token=gate.system.token("sec", Role.SECURITY))
        newest = (await gate.verdicts())[0]
        assert (newest.outcome, newest.promotion_id) == (Outcome.ALLOW, "p-1")


async def test_policies_of_others_that_apply_in_a_project_are_listed(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS))
        await gate.apply(named("platform", document(SBOM, scope={"projects": ["*"]})), project="platform")
        await gate.apply(named("bank", document(SBOM, scope={"projects": ["shop", "bank"]})), project="bank")
        viewer = gate.system.token("vi", Role.VIEWER, project="shop")

        async def shared(project: str | None, **more: Any) -> list[str]:
            query = ListSharedPolicies(project=project, **more)
            page = await gate.asker.ask(query, PolicyPage, token=viewer)
            return [one.project for one in page.policies]

        assert await shared("shop") == ["bank", "platform"]
        assert await shared("shop", limit=1) == ["bank"]
        assert await shared("shop", after="bank/prod-entry") == ["platform"]
        assert await shared(None) == ["platform"]
        with pytest.raises(Forbidden):
            await shared("bank")


async def test_whoever_owns_an_application_changes_no_policy_that_gates_it(tmp_path: Path) -> None:
    """Abuse case 51."""
    async with a_gate(tmp_path) as gate:
        cart = application_applied(Criticality.HIGH, 1).model_copy(update={"owners": ("ann",)})
        await gate.handle(cart, "ann owns the cart")
        ann, sec = (gate.system.token(who, Role.SECURITY, project="shop") for who in ("ann", "sec"))
        for spec in ({}, {"scope": {"applications": ["cart"]}}, {"scope": {"criticality": ["high"]}}, {"mode": "warn"}):
            with pytest.raises(Forbidden) as own:
                await gate.apply(document(TESTS, **spec), token=ann)
            assert own.value.code == "policy_own_gate"
            assert own.value.remedy
        elsewhere: dict[str, Any] = {"scope": {"applications": ["till"]}}
        await gate.apply(document(TESTS, name="for-the-till", **elsewhere), token=ann)
        await gate.apply(document(TESTS), token=sec)
        with pytest.raises(Forbidden) as slipping_away:
            await gate.apply(document(TESTS, **elsewhere), token=ann)
        assert slipping_away.value.code == "policy_own_gate", "what it replaces gates it"
        admin = gate.system.token("ann", Role.ADMIN)
        with pytest.raises(Forbidden):
            await gate.apply(document(SBOM), token=admin)


async def test_going_back_to_a_weaker_text_is_a_new_revision_that_everybody_hears_of(tmp_path: Path) -> None:
    """Abuse case 52."""
    async with a_gate(tmp_path) as gate:
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("t", passed())), "t")
        sec = gate.system.token("sec", Role.SECURITY)
        weak, strict = document(TESTS), document(TESTS, SBOM)
        for policy in (weak, strict):
            await gate.apply(policy, token=sec)
        assert await asked(gate, "p-1") is Outcome.PENDING
        back = await gate.apply(weak, token=gate.system.token("eve", Role.SECURITY))
        assert (back.change, back.revision) == ("updated", 3)
        heard = await said(gate, PolicyApplied)
        assert [(one.revision, one.by) for one in heard] == [(1, "sec"), (2, "sec"), (3, "eve")]
        assert (heard[0].digest == heard[2].digest, heard[0].digest == heard[1].digest) == (True, False)
        allowed = await gate.verdict_on("p-1", Outcome.ALLOW)
        await gate.apply(strict, token=sec)
        unheld = await confirmed(gate, allowed)
        assert not unheld.holds


async def test_a_rule_in_rego_from_a_template_allows_and_denies_in_its_own_words(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        schema = {"type": "object", "required": ["least"], "properties": {"least": {"type": "integer"}}}
        await template_applied(gate, template(COUNTED, parameters=schema), "t-1")
        for least, code in (("two", "template_parameters_wrong"), (None, "template_parameters_wrong")):
            parameters = {"least": least} if least else {}
            with pytest.raises(Invalid) as unsuited:
                await gate.apply(document(rule("rego", template="counted", parameters=parameters)))
            assert unsuited.value.code == code
        two = document(rule("rego", template="counted", parameters={"least": 2}))
        first = await gate.apply(two)
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("t", passed())), "t")
        sec = gate.system.token("sec", Role.SECURITY)
        assert await asked(gate, "p-1") is Outcome.DENY
        [denied] = await gate.verdicts()
        assert denied.findings[0].observed == "1 pieces of evidence where 2 are asked for."
        await gate.handle(evidence_added(piece("u", passed())), "u")
        assert await asked(gate, "p-2") is Outcome.ALLOW
        for verdict in await gate.verdicts():
            assert (await replayed(gate, verdict)).agrees

        lax = template("package p\nallow := true\n", parameters=schema)
        assert (await template_applied(gate, lax, "t-2", token=sec)).revision == 2
        assert await asked(gate, "p-3") is Outcome.ALLOW
        assert (await gate.verdicts())[0].policy_digests == (first.digest,), "a template changes no policy in force"
        assert (await gate.apply(two, token=sec)).change == "updated", "applied again, it gets the new module"

        shown = await gate.asker.ask(ShowTemplate(project="shop", template="counted"), TemplateView)
        assert (shown.revision, shown.applied_by) == (2, "sec")
        listed = await gate.asker.ask(ListTemplates(project="shop"), TemplatePage)
        assert [(one.template, one.digest) for one in listed.templates] == [("counted", shown.digest)]
        with pytest.raises(NotFound):
            await gate.asker.ask(ShowTemplate(project="shop", template="other"), TemplateView)
        lowly = gate.system.token("rita", Role.RELEASE_MANAGER, project="shop")
        with pytest.raises(Forbidden):
            await template_applied(gate, lax, "t-3", token=lowly)


@pytest.mark.parametrize(
    ("rego", "code"),
    [
        ("package p\nallow {", "rego_malformed"),
        ("package p\nother := true", "rego_entry_missing"),
        ('package p\nallow if http.send({"url": "http://localhost"}).ok', "rego_builtin_refused"),
        ("package p\nallow if opa.runtime().env.HOME", "rego_builtin_refused"),
        ("package p\nimport data.other\nallow if other.x", "rego_import_refused"),
    ],
)
async def test_modules_that_may_not_be_published_are_refused_with_their_code(
    tmp_path: Path, rego: str, code: str
) -> None:
    """Abuse case 38."""
    async with a_gate(tmp_path) as gate:
        with pytest.raises(Invalid) as in_policy:
            await gate.apply(document(rule("any_of", rules=[TESTS, rule("rego", rego=rego)])))
        with pytest.raises(Invalid) as in_template:
            await template_applied(gate, template(rego), "t")
        assert (in_policy.value.code, in_template.value.code) == (code, code)
        assert await gate.count("policies") == await gate.count("templates") == 0


async def test_a_module_that_does_not_end_leaves_the_gate_shut_and_others_working(tmp_path: Path) -> None:
    """Abuse case 37."""
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(rule("rego", rego=HANGING, parameters={"many": list(range(100))}), TESTS))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("t", passed())), "t")
        assert await asked(gate, "p-1") is Outcome.ERROR
        [verdict] = await gate.verdicts()
        [hanging, tests] = verdict.findings
        assert (hanging.outcome, tests.outcome) == (Outcome.ERROR, Outcome.ALLOW)
        assert any(code in hanging.observed for code in ("rego_timeout", "rego_memory")), hanging.observed
        assert hanging.remedy
        assert (await replayed(gate, verdict)).agrees
        await gate.apply(document(TESTS), token=gate.system.token("sec", Role.SECURITY))
        assert await asked(gate, "p-2") is Outcome.ALLOW


async def test_a_document_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        inner: dict[str, Any] = TESTS
        for level in range(60):
            inner = {"id": f"r{level}", "title": "t", "kind": "all_of", "rules": [inner]}
        with pytest.raises(Invalid) as refused:
            await gate.apply(document(inner))
        assert refused.value.remedy


async def test_a_policy_that_was_altered_on_record_judges_nothing_until_it_is_applied_again(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS, SBOM))
        await gate.handle(version_created(), "v")
        await gate.handle(evidence_added(piece("t", passed())), "t")
        policies = gate.run.database.collection("policies")
        weaker = json.dumps(read_policy(document(TESTS)).normal_form(), sort_keys=True)
        await policies.update({"_id": "shop/prod-entry"}, {"$set": {"text": weaker}})
        with pytest.raises(Transient) as tampered:
            await asked(gate, "p-1")
        assert tampered.value.code == "policy_tampered"
        again = await gate.apply(document(TESTS, SBOM), token=gate.system.token("sec", Role.SECURITY))
        assert again.change == "updated"
        assert await asked(gate, "p-2") is Outcome.PENDING


async def test_many_open_questions_are_judged_under_a_new_policy_in_several_transactions(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as gate:
        await gate.apply(document(TESTS), token=gate.system.token("sec", Role.SECURITY))
        await gate.handle(version_created(), "v")
        count = AT_ONCE + 5
        for number in range(count):
            await gate.handle(evaluate(f"p-{number}"), f"tell {number}")
        await gate.apply(document(SBOM), token=gate.system.token("sec", Role.SECURITY))

        async def judged_again() -> int:
            found = await gate.run.database.collection("verdicts").find({"last": True})
            return sum("required-evidence" in one["verdict"] for one in found)

        assert await judged_again() >= AT_ONCE
        await eventually(judged_again, lambda found: found == count)
