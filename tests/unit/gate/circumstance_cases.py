"""The rule kinds that judge where a version comes from and how it came here, and what they read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import strategies as st

from contracts.circumstances import IncidentFacts, StagePassage
from contracts.vocabulary import PromotionKind, SourceCommit
from tests.unit.gate.gate_builders import NOW
from tests.unit.gate.rule_kind import YES, KindCase, fields

REPOSITORY = "https://git.example.org/shop"
_DAYS = st.sampled_from([timedelta(hours=6), timedelta(days=1), timedelta(days=2), timedelta(days=20)])
_PASSAGES = st.lists(
    st.builds(
        StagePassage,
        kind=st.sampled_from(PromotionKind),
        from_stage=st.sampled_from([None, "dev", "qa"]),
        to_stage=st.sampled_from(["qa", "qa", "prod"]),
        release=st.booleans(),
        at=_DAYS.map(lambda ago: NOW - ago),
        promotion_id=st.sampled_from(["p1", "p2", "p3"]),
        waivers=st.sampled_from([(), (), ("w0",)]),
    ),
    max_size=3,
).map(tuple)
_INCIDENTS = st.lists(
    st.builds(
        IncidentFacts,
        incident_id=st.sampled_from(["i1", "i2"]),
        version=st.sampled_from(["1.0.0", None, "0.9.0"]),
        opened_at=st.just(NOW - timedelta(days=3)),
        resolved_at=st.sampled_from([None, NOW - timedelta(hours=3), NOW - timedelta(days=2)]),
    ),
    max_size=1,
).map(tuple)
SOURCES = st.one_of(
    st.none(),
    st.builds(
        SourceCommit,
        repository=st.just(REPOSITORY),
        commit=st.just("c" * 40),
        branch=st.sampled_from([None, "main", "main", "refs/heads/main", "wild"]),
        author=st.sampled_from([None, None, "anna"]),
    ),
)
_CURRENT = st.dictionaries(
    st.sampled_from(["qa", "prod"]), st.sampled_from(["0.9.0", "1.0.0", "2.0.0", "nightly"]), max_size=2
)


CIRCUMSTANCE_CASES: Mapping[str, KindCase] = {
    "soak": KindCase(
        st.fixed_dictionaries(
            {
                "stage": st.just("qa"),
                "for": st.sampled_from(["3h", "18h", "5d"]),
                "no_incidents": st.booleans(),
                "still_there": st.booleans(),
            }
        ),
        circumstances=fields(passed=_PASSAGES, incidents=_INCIDENTS, current=_CURRENT),
    ),
    "source_branch": KindCase(
        fields(branches=st.just(["main"]), repositories=st.sampled_from([None, ["https://git.example.org/*"]])),
        circumstances=fields(source=SOURCES),
    ),
    "stage_passed": KindCase(
        fields(
            stage=st.just("qa"),
            gate=st.sampled_from([None, "exit", "release"]),
            within=st.sampled_from([None, "12h", "5d"]),
            without_waivers=YES,
        ),
        circumstances=fields(passed=_PASSAGES),
    ),
    "version_order": KindCase(
        fields(scheme=st.sampled_from([None, "pep440"]), same_ok=YES),
        circumstances=fields(current=_CURRENT),
    ),
}
