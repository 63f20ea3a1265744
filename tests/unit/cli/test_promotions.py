"""What the command line says of promotions that rest on waivers."""

from typing import Any

import pytest

from contracts.findings import Finding
from contracts.promotion.v1.views import PromotionView
from contracts.vocabulary import Outcome, PromotionState
from deploy.examples import example_of
from services.cli.output import console, out
from services.cli.showing import summary

RELEASED = "released, not trusted"


def finding(rule: str, **more: Any) -> Finding:
    known = example_of(Finding).model_dump() | {"rule": rule, "outcome": Outcome.DENY, "waived": ()}
    return Finding.model_validate(known | more)


def shown(capsys: pytest.CaptureFixture[str], **more: Any) -> str:
    known = example_of(PromotionView).model_dump() | {"waivers": (), "may_be_trusted": True, "findings": ()}
    view = PromotionView.model_validate(known | {"state": PromotionState.COMPLETED, "release": True} | more)
    console.width = 200
    out.answer(None, *summary(view))
    return capsys.readouterr().out


def test_a_waived_finding_is_not_open(capsys: pytest.CaptureFixture[str]) -> None:
    waived = finding("waived-rule", waived=("wv-1",))
    said = shown(
        capsys,
        findings=(waived, finding("open-rule"), finding("passed", outcome=Outcome.ALLOW)),
        state=PromotionState.EXPIRED,
    )
    assert "open-rule" in said
    assert "waived-rule" not in said
    assert "qa-entry/passed" not in said


def test_waivers_and_a_release_that_is_not_trusted_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, waivers=("wv-1", "wv-2"), may_be_trusted=False)
    assert "on waivers: wv-1, wv-2" in said
    assert RELEASED in said
    assert RELEASED not in shown(capsys, waivers=("wv-1",))
    assert RELEASED not in shown(capsys, may_be_trusted=False, release=False)
    assert RELEASED not in shown(capsys, may_be_trusted=False, state=PromotionState.CHECKING)
    assert "waivers" not in shown(capsys)
