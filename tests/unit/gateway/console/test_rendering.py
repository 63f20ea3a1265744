"""How values are shown: as text, all of it visible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from jinja2 import UndefinedError

from contracts.vocabulary import Trust
from services.gateway.console.beginning import own_path
from services.gateway.console.navigation import entries
from services.gateway.console.rendering import ENVIRONMENT, badge, brief, coded, digest, lasting, moment, plain


def shown(text: str, **values: object) -> str:
    return ENVIRONMENT.from_string(text).render(**values)


def test_text_never_becomes_markup() -> None:
    assert shown("{{ name }}", name="<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert shown("{{ name | badge }}", name="<b>") == '<span class="mark is--b-">&lt;b&gt;</span>'
    assert "<b" not in digest('"><b')


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200b", "\u061c", "\x00", "\x1b", "\ufeff", "\U000e0041"])
def test_what_reorders_or_hides_text_is_written_out(sign: str) -> None:
    assert plain(f"a{sign}b") == f"a⟦U+{ord(sign):04X}⟧b"
    assert shown("{{ name }}", name=f"a{sign}b") == f"a⟦U+{ord(sign):04X}⟧b"


@pytest.mark.parametrize("text", ["שלום", "naïve", "a\nb", "a\tb", "日本"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_code_in_sentences_is_set_as_code_and_still_escaped() -> None:
    assert coded("Run `hallmark <x>` & see") == "Run <code>hallmark &lt;x&gt;</code> &amp; see"
    assert coded("one ` alone <b>") == "one ` alone &lt;b&gt;"
    assert coded("`a\u202eb`") == "<code>a⟦U+202E⟧b</code>"


def test_digests_ids_and_times_in_sentences_are_shortened() -> None:
    assert brief(f"ev-{'a' * 32} is about sha256:{'b' * 64}.") == f"ev-{'a' * 12} is about sha256:{'b' * 12}."
    assert brief("web@2026-11-27T07:15:20.311000Z.") == "web@2026-11-27 07:15 UTC."
    assert brief("pkg:pypi/a@1.0 and e-mail") == "pkg:pypi/a@1.0 and e-mail"


def test_nothing_is_missing_silently() -> None:
    with pytest.raises(UndefinedError):
        shown("{{ nobody_gave_this }}")
    assert shown("{{ nothing }}", nothing=None) == ""


def test_durations_in_their_two_largest_units() -> None:
    found = [lasting(value) for value in (None, 0, 59.9, 61, 3_600, timedelta(days=2, hours=3, minutes=4))]
    assert found == ["-", "0 s", "59 s", "1 min 1 s", "1 h", "2 d 3 h"]


def test_times_are_utc() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert moment(at) == '<time datetime="2026-01-02T03:04:05+00:00">2026-01-02 03:04 UTC</time>'
    assert "never" in moment(None)


def test_a_state_says_the_same_as_its_colour() -> None:
    assert badge(Trust.AT_RISK) == '<span class="mark is-at-risk">at risk</span>'


@pytest.mark.parametrize(
    "there", ["//evil", "/\\evil", "https://evil", "javascript:x", "evil", "", "/a\nb", "/\t/evil"]
)
def test_ways_elsewhere_lead_to_the_overview(there: str) -> None:
    assert own_path(there) == "/"


@pytest.mark.parametrize("here", ["/", "/risk", "/projects/shop?x=1&y=//z", "/a//b"])
def test_ways_within_stay(here: str) -> None:
    assert own_path(here) == here


def test_the_navigation_stays_within_a_project() -> None:
    found = {one.title: (one.path, one.current) for one in entries("/projects/shop/risk", "shop")}
    assert found["Risk"] == ("/projects/shop/risk", True)
    assert found["Audit log"] == ("/log", False)
    assert [one.title for one in entries("/log/7", "") if one.current] == ["Audit log"]
    assert [one.title for one in entries("/", "") if one.current] == ["Overview"]
    assert found["Approvals"] == ("/approvals", False)
    for path, entry in (("/webhooks", "Settings"), ("/waivers/wv-1", "Policies"), ("/alerts", "Risk")):
        assert [one.title for one in entries(f"/projects/shop{path}", "shop") if one.current] == [entry], path
