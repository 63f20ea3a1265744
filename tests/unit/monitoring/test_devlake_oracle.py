"""The golden outputs of Apache DevLake's DORA plugin; needs the corpus beside the repository or in HALLMARK_CORPUS.

Where the definitions agree, the same comes out. Where they do not, the difference is named and held.
"""

from __future__ import annotations

import csv
import json
import os
import re
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from contracts.vocabulary import PromotionKind
from services.monitoring.domain.bands import Band, Year, failure_band, frequency_band, lead_time_band, restore_band
from services.monitoring.domain.delivery import Deployment, History, Incident, Window
from services.monitoring.domain.linking import Fault, linked
from services.monitoring.domain.metrics import change_failure_rate, lead_time
from tests.unit.monitoring.delivery_ledger import Ledger

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus")) / "15-dora"
GIVEN = CORPUS / "give" / "devlake"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set HALLMARK_CORPUS")
Row = dict[str, str]
PROJECT = "project1"


def rows(name: str) -> list[Row]:
    with (GIVEN / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def moment(text: str) -> datetime:
    """ISO 8601, or `2023-4-11 4:51:47` as the inputs write it."""
    parts = [int(one) for one in re.findall(r"\d+", text)[:6]]
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def scopes(folder: str) -> set[str]:
    mapped = rows(f"{folder}/project_mapping")
    return {one["row_id"] for one in mapped if one["project_name"] == PROJECT and one["table"] == "cicd_scopes"}


def is_good(one: Row) -> bool:
    return one["result"] == "SUCCESS" and one["environment"] == "PRODUCTION"


def deployment(one: Row, *, application: str = PROJECT, committed_at: datetime | None = None) -> Deployment:
    finished = moment(one["finished_date"])
    return Deployment(one["id"], application, one["commit_sha"], finished, PromotionKind.RELEASE, committed_at)


def test_incidents_belong_to_the_deployment_that_stood() -> None:
    own = scopes("prev_success_deployment_commit")
    commits = rows("prev_success_deployment_commit/cicd_deployment_commits_before")
    good = [one for one in commits if is_good(one) and one["cicd_scope_id"] in own]
    boards = {one["row_id"] for one in rows("raw_tables/project_mapping") if one["table"] == "boards"}
    boards &= {one["row_id"] for one in rows("raw_tables/project_mapping") if one["project_name"] == PROJECT}
    mine = {one["issue_id"] for one in rows("raw_tables/board_issues") if one["board_id"] in boards}
    issues = [one for one in rows("raw_tables/issues") if one["type"] == "INCIDENT" and one["id"] in mine]
    incidents = [Incident(one["id"], PROJECT, moment(one["created_date"])) for one in issues]
    pipeline = {one["id"]: one["cicd_deployment_id"] for one in good}

    found = {one.cause_id: pipeline[one.deployment.id] for one in History(map(deployment, good), incidents).failures()}

    golden = rows("snapshot_tables/project_incident_deployment_relationships")
    assert found == {one["id"]: one["deployment_id"] for one in golden if one["project_name"] == PROJECT}
    # Fact by fact, too.
    ledger = Ledger()
    for fact in reversed(good):
        ledger.deployed(deployment(fact))
    for one in incidents:
        ledger.reported(one)
    assert {name: pipeline[link.owner or ""] for name, (_, link) in ledger.faults.items()} == found


def test_the_deployment_before_is_the_last_good_one_of_its_line() -> None:
    """DevLake: of the same scope, repository and environment, by the time it started. Ours is a line of its own."""
    golden = rows("prev_success_deployment_commit/cicd_deployment_commits_after")
    lines: dict[tuple[str, str, str], Ledger] = {}
    for one in golden:
        if one["result"] == "SUCCESS" and one["environment"]:
            line = lines.setdefault((one["cicd_scope_id"], one["repo_url"], one["environment"]), Ledger())
            # A release and a rollback on the line ask the same question: what was there just before?
            line.deployed(Deployment(one["id"], PROJECT, one["id"], moment(one["started_date"]), PromotionKind.RELEASE))
    known = {name: counted.deployment for line in lines.values() for name, counted in line.counted.items()}
    for one in golden:
        if one["id"] in known:
            line = lines[one["cicd_scope_id"], one["repo_url"], one["environment"]]
            back = Fault(one["id"], known[one["id"]].at, one["id"], rollback=True)
            link = line._answered(linked(back))
            assert (link.owner or "") == one["prev_success_deployment_commit_id"]


def test_lead_time_is_theirs_where_the_commit_comes_before_the_change_and_the_change_before_its_deployment() -> None:
    """DevLake counts changes in minutes, rounded up, from the first commit to the last end that is known. Ours counts
    releases in seconds, from commit to release.

    - A change that is not deployed has a cycle time there, up to its merge; here there is no release, so nothing.
    - A first commit that is younger than its change: there the time begins with the change, here with the commit.
    - A change merged after it was deployed: there the time ends with the merge, here with the deployment.
    """
    finished = {one["id"]: moment(one["finished_date"]) for one in rows("change_lead_time/cicd_deployment_commits")}
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    for one in rows("change_lead_time/project_pr_metrics"):
        theirs[one["id"]] = int(one["pr_cycle_time"])
        if one["deployment_commit_id"]:
            committed = moment(one["first_commit_authored_date"])
            at = finished[one["deployment_commit_id"]]
            release = Deployment(one["id"], PROJECT, one["id"], at, PromotionKind.RELEASE, committed)
            result = lead_time(History([release]), Window(at, at.replace(year=at.year + 1)))
            assert result.median_seconds is not None
            ours[one["id"]] = ceil(result.median_seconds / 60)
    assert set(theirs) - set(ours) == {"pr0", "pr4", "pr5"}, "not deployed"
    assert ours["pr1"] == theirs["pr1"] == 4478
    assert (ours["pr2"], theirs["pr2"]) == (158, 1598), "its first commit is younger than itself"
    assert (ours["pr3"], theirs["pr3"]) == (8799, 10203), "it was merged after its deployment"


def test_change_failure_rate_is_theirs() -> None:
    own = scopes("prev_success_deployment_commit")
    good = [
        one
        for one in rows("prev_success_deployment_commit/cicd_deployment_commits_before")
        if is_good(one) and one["cicd_scope_id"] in own
    ]
    # As their query does: all commits of one pipeline are one deployment, at the end of the last one.
    last: dict[str, Row] = {}
    for one in sorted(good, key=lambda one: one["finished_date"]):
        last[one["cicd_deployment_id"]] = one
    failed = {one["deployment_id"] for one in rows("snapshot_tables/project_incident_deployment_relationships")}
    at = [moment(one["finished_date"]) for one in last.values()]
    incidents = [Incident("i", PROJECT, max(at).replace(month=11))]
    window = Window(min(at), max(at).replace(month=12))
    ours = change_failure_rate(History(map(deployment, last.values()), incidents), window)
    assert (ours.numerator, ours.denominator) == (len(failed & set(last)), len(last)) == (1, 5)


def _dashboard() -> str:
    return json.dumps(json.loads((CORPUS / "reference" / "devlake" / "DORA.json").read_text(encoding="utf-8")))


def _limits(text: str, metric: str, year: str) -> list[str]:
    """The conditions of the bands of one metric, as the dashboard writes them, from elite on."""
    begins = text.index(f"{metric} ", text.index(f"= '{year}'"))
    return re.findall(rf"{metric} (?:<|<=) ?([.\d *]+) THEN", text[begins : begins + 900])[:3]


@pytest.mark.parametrize("year", list(Year))
def test_the_limits_of_the_bands_are_those_of_their_dashboard(year: Year) -> None:
    text = _dashboard()
    for metric in ("median_change_lead_time", "change_failure_rate"):
        part = text[text.index(f"WHEN {metric} <") - 400 :]
        limits = [_product(one) for one in _limits(part, metric, year.value)]
        assert len(limits) == 3, metric
        for place, limit in enumerate(limits):
            better, worse = list(Band)[place], list(Band)[place + 1]
            if metric == "change_failure_rate":
                assert (failure_band(limit, year), failure_band(limit + 0.001, year)) == (better, worse)
            else:
                assert (lead_time_band(limit * 60 - 1, year), lead_time_band(limit * 60, year)) == (better, worse)
    restore = [_product(one) for one in re.findall(r"median_recovery_time < ([\d *]+) THEN", text)[:3]]
    assert [restore_band(one * 60 - 1) for one in restore] == [Band.ELITE, Band.HIGH, Band.MEDIUM]
    assert [restore_band(one * 60) for one in restore] == [Band.HIGH, Band.MEDIUM, Band.LOW]


def test_of_two_middle_weeks_the_lower_one_counts_as_their_percent_rank_does() -> None:
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    # Four weeks with 1, 1, 6 and 6 days: their median is 1, a mean of the middle ones would be 3.5.
    days = [begin.replace(day=one).timestamp() for one in (1, 8, *range(15, 21), *range(22, 28))]
    window = Window(begin, begin.replace(day=29))
    assert frequency_band(days, window, ZoneInfo("UTC"), Year.Y2023) is Band.HIGH


def _product(text: str) -> float:
    result = 1.0
    for factor in text.split("*"):
        result *= float(factor)
    return result
