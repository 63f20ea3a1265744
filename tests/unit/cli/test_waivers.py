"""`waiver`, `replay` and `policy simulate`: what they read from people, ask for, show, and end with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from contracts.gate.v1.replays import Replay, SimulatedVerdict, Simulation
from contracts.gate.v1.waivers import WaiverState, WaiverView
from contracts.vocabulary import Outcome
from deploy.examples import example_of
from services.cli.commands.arguments import earlier, later, rule_ref
from services.cli.exits import Exit
from services.cli.main import app
from services.cli.output import out
from shared.errors import Invalid
from tests.support.small_gateway import SmallGateway, small_gateway
from tests.unit.gate.gate_builders import document, rule

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WAIVERS, SIMULATIONS = "/projects/shop/waivers", "/projects/shop/policy-simulations"
REQUEST = ("waiver", "request", "shop/cart", "prod-entry/no-criticals", "--stage", "prod", "-m", "Not reachable.")


@pytest.fixture(autouse=True)
def _for_people() -> Any:
    yield
    out.as_json = False


def ask(gateway: SmallGateway, *arguments: object) -> Result:
    return CliRunner(env=gateway.environment).invoke(app, [str(one) for one in arguments])


def a_waiver(**changes: Any) -> dict[str, Any]:
    known = example_of(WaiverView).model_dump() | {"project": "shop", "waiver_id": "wv-1"}
    return WaiverView.model_validate(known | changes).model_dump(mode="json")


def a_replay(**changes: Any) -> dict[str, Any]:
    known = {"verdict_id": "vd-1", "agrees": True, "outcome": Outcome.ALLOW}
    return Replay.model_validate(known | changes).model_dump(mode="json")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14d", NOW + timedelta(days=14)),
        ("90m", NOW + timedelta(minutes=90)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T10:00:00+02:00", datetime(2027, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_length_of_time_from_now_or_a_moment(text: str, moment: datetime) -> None:
    assert later(text, NOW) == moment
    assert earlier(text, NOW) == (NOW - (moment - NOW) if text[-1] in "dm" else moment)


@pytest.mark.parametrize("text", ["", "14", "0d", "-3d", "fortnight", "2027-01-31T10:00:00", "2027-13-01"])
def test_what_is_no_moment_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        later(text, NOW)
    assert refused.value.code == "moment_malformed"
    assert "14d" in refused.value.remedy


@pytest.mark.parametrize("text", ["", "rule", "policy/", "/rule", "policy/rule/part"])
def test_a_rule_is_named_with_its_policy(text: str) -> None:
    assert rule_ref("prod-entry/no-criticals") == ("prod-entry", "no-criticals")
    with pytest.raises(Invalid) as refused:
        rule_ref(text)
    assert refused.value.code == "rule_reference_malformed"


def test_a_request_says_exactly_what_was_written() -> None:
    with small_gateway({f"POST {WAIVERS}": a_waiver(state=WaiverState.REQUESTED)}) as gateway:
        more = ("--vulnerability", "CVE-2026-1000", "--max-severity", "high", "--expires", "2027-01-31")
        result = ask(gateway, *REQUEST, *more)
        assert result.exit_code == Exit.DONE, result.output
        assert gateway.sent[f"POST {WAIVERS}"] == {
            "application": "cart",
            "policy": "prod-entry",
            "rule": "no-criticals",
            "stage": "prod",
            "waives": {"vulnerability": "CVE-2026-1000"},
            "max_severity": "high",
            "reason": "Not reachable.",
            "expires_at": "2027-01-31T00:00:00.000000Z",
        }
        assert "hallmark waiver grant wv-1 -p shop" in result.output
        for wrong in (("--expires", "soon"), ("--expires", "14d", "--max-severity", "awful"), ()):
            assert ask(gateway, *REQUEST, *wrong).exit_code != Exit.DONE
        assert len(gateway.asked) == 1, "what cannot be read is not asked for"


def test_decisions_go_to_their_own_operations_and_a_revocation_needs_a_reason() -> None:
    answers = {f"POST {WAIVERS}/wv-1/{word}": a_waiver(state=state) for word, state in STATES.items()}
    with small_gateway(answers) as gateway:
        for word, state in STATES.items():
            result = ask(gateway, "waiver", word, "wv-1", "-p", "shop", "-m", "Agreed [/] upon.")
            assert result.exit_code == Exit.DONE, result.output
            assert state.value in result.output
            assert gateway.sent[f"POST {WAIVERS}/wv-1/{word}"] == {"reason": "Agreed [/] upon."}
        assert ask(gateway, "waiver", "revoke", "wv-1", "-p", "shop").exit_code == Exit.USAGE


STATES = {"grant": WaiverState.GRANTED, "refuse": WaiverState.REFUSED, "revoke": WaiverState.REVOKED}


def test_waivers_are_listed_for_people_and_for_programs() -> None:
    found = [a_waiver(waiver_id=f"wv-{number}", reason="[bold]x[/]" * 3) for number in range(3)]
    answers = {f"GET {WAIVERS}": {"waivers": found, "next": None}, f"GET {WAIVERS}/wv-1": found[1]}
    with small_gateway(answers) as gateway:
        result = ask(gateway, "waiver", "list", "-p", "shop", "--state", "granted", "--application", "cart")
        assert [f"wv-{number}" in result.output for number in range(3)] == [True] * 3
        assert "[bold]x[/]" in ask(gateway, "waiver", "show", "wv-1", "-p", "shop").output
        assert json.loads(ask(gateway, "--json", "waiver", "list", "-p", "shop").stdout) == found
        out.as_json = False
        assert ask(gateway, "waiver", "list", "-p", "shop", "--state", "gone").exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("answer", "code", "word"),
    [
        (a_replay(), Exit.DONE, "word for word"),
        (a_replay(agrees=False, differences=("outcome", "finding"), outcome=Outcome.DENY), Exit.DENIED, "outcome, fi"),
        (a_replay(agrees=False, differences=("missing: ev-1",), outcome=None), Exit.UNAVAILABLE, "missing: ev-1"),
    ],
)
def test_a_replay_ends_with_what_it_found(answer: dict[str, Any], code: Exit, word: str) -> None:
    with small_gateway({"GET /projects/shop/verdicts/vd-1/replay": answer}) as gateway:
        result = ask(gateway, "replay", "vd-1", "-p", "shop")
        assert (result.exit_code, word in result.output) == (code, True), result.output
        as_json = ask(gateway, "--json", "replay", "vd-1", "-p", "shop")
        assert (as_json.exit_code, json.loads(as_json.stdout)) == (code, answer)


def pages(*changed: SimulatedVerdict) -> Any:
    """Three pages of two verdicts each, the changed ones on the last; and what each was asked with."""

    def answer(sent: dict[str, Any]) -> dict[str, Any]:
        place = int(sent.get("after", "0"))
        page = Simulation(
            draft="sha256:" + "1" * 64,
            replaces=None,
            total=6,
            judged=2,
            governed=1,
            unchanged=2 - (len(changed) if place == 2 else 0),
            changed=changed if place == 2 else (),
            next=str(place + 1) if place < 2 else None,
        )
        return page.model_dump(mode="json")

    return answer


def changed(was: Outcome, would_be: Outcome) -> SimulatedVerdict:
    known = example_of(SimulatedVerdict).model_dump()
    return SimulatedVerdict.model_validate(known | {"was": was, "would_be": would_be})


def test_a_simulation_reads_every_page_within_one_time_and_ends_with_what_would_change(tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(yaml.safe_dump(document(rule("tests_passed"))), encoding="utf-8")
    with small_gateway({f"POST {SIMULATIONS}": pages()}) as gateway:
        result = ask(gateway, "policy", "simulate", draft, "--since", "30d")
        assert result.exit_code == Exit.DONE, result.output
        assert "6 verdicts since 30d, 3 of them under this draft: 0 would be stopped" in result.output
        assert gateway.asked == [f"POST {SIMULATIONS}"] * 3
        last = gateway.sent[f"POST {SIMULATIONS}"]
        assert (last["after"], last["document"]) == ("2", document(rule("tests_passed")))
        span = datetime.fromisoformat(last["until"]) - datetime.fromisoformat(last["since"])
        assert span == timedelta(days=30)
    two = (changed(Outcome.ALLOW, Outcome.DENY), changed(Outcome.DENY, Outcome.ALLOW))
    with small_gateway({f"POST {SIMULATIONS}": pages(*two)}) as gateway:
        result = ask(gateway, "policy", "simulate", draft)
        assert result.exit_code == Exit.DENIED
        assert "1 would be stopped, 1 let through, 2 would change in all" in result.output
        as_json = ask(gateway, "--json", "policy", "simulate", draft)
        found = json.loads(as_json.stdout)
        assert (as_json.exit_code, found["judged"], len(found["changed"])) == (Exit.DENIED, 6, 2)
        assert as_json.stderr == "", "programs get no progress bar"


@pytest.mark.parametrize("many", [0, 2])
def test_one_policy_is_tried_at_a_time(tmp_path: Path, many: int) -> None:
    draft = tmp_path / "draft.yaml"
    policy = document(rule("tests_passed"))
    draft.write_text(yaml.safe_dump_all([policy] * many), encoding="utf-8")
    with small_gateway({}) as gateway:
        result = ask(gateway, "policy", "simulate", draft)
        assert isinstance(result.exception, Invalid)
        assert result.exception.code == "draft_not_one_policy"
        assert gateway.asked == []
