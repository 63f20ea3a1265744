"""The overview as a value."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.monitoring.v1.surveys import TrustCount, TrustLine
from contracts.registry.v1.surveys import StageStanding, SurveyedApplication
from contracts.vocabulary import Criticality, Trust
from services.gateway.console.overview_views import Filters, bars, releases_of, rows

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def application(name: str, **current: str | None) -> SurveyedApplication:
    stages = tuple(
        StageStanding(stage=stage, version=version, release=stage != "dev") for stage, version in current.items()
    )
    return SurveyedApplication(
        project="shop", application=name, title="", criticality="high", maturity="production", owners=(), stages=stages
    )


def line(name: str, version: str, trust: Trust) -> TrustLine:
    return TrustLine(
        project="shop",
        application=name,
        version=version,
        stage="eu",
        current=True,
        trust=trust,
        since=NOW,
        criticality="high",
        owners=(),
    )


def test_bars_stand_in_the_order_of_urgency_and_add_up() -> None:
    found = bars(
        {Criticality.LOW: 2, Criticality.CRITICAL: 5},
        [
            TrustCount(criticality="critical", trust="at_risk", applications=1),
            TrustCount(criticality="critical", trust="trusted", applications=2),
        ],
    )
    assert [(bar.criticality, bar.total) for bar in found] == [(Criticality.CRITICAL, 5), (Criticality.LOW, 2)]
    assert found[0].parts == (("at risk", 1, "warn"), ("trusted", 2, "good"), ("not released", 2, "grey"))
    assert all(sum(part[1] for part in bar.parts) == bar.total for bar in found)


def test_a_release_that_one_service_knows_earlier_counts_no_application_below_zero() -> None:
    [bar] = bars({}, [TrustCount(criticality="high", trust="trusted", applications=1)])
    assert (bar.total, bar.parts) == (1, (("trusted", 1, "good"),))


def test_an_application_is_as_trusted_as_the_worst_of_its_current_releases() -> None:
    web, new = application("web", dev="3.0", eu="1.0", us="2.0"), application("new", dev="1.0", eu=None)
    assert [(one.application, one.version) for one in releases_of([web, new])] == [("web", "1.0"), ("web", "2.0")]
    found = rows([web, new], [line("web", "1.0", Trust.TRUSTED), line("web", "2.0", Trust.REVOKED)])
    assert [row.trust.version if row.trust else None for row in found] == ["2.0", None]


def test_filters_travel_in_the_address_and_empty_ones_do_not() -> None:
    filters = Filters(project="shop", owner="a&b")
    assert filters.given == {"project": "shop", "owner": "a&b"}
    assert filters.path(criticality="high") == "/?project=shop&owner=a%26b&criticality=high"
    assert Filters().path() == "/"
