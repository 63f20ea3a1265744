import pytest

from contracts.vocabulary import Actor, ActorKind, ReleaseStatus, Role, Trust
from services.gateway.badge import badge
from services.gateway.events import StreamFormat, frame, is_of, sequence_after, subjects_for
from shared.errors import Forbidden, Invalid
from shared.identity import Caller


def caller(**grants: Role) -> Caller:
    held = {"*" if project == "everywhere" else project: frozenset({role}) for project, role in grants.items()}
    return Caller(Actor(subject="ann", kind=ActorKind.HUMAN), held)


def test_a_stream_is_of_facts_or_of_cdevents_and_never_of_both() -> None:
    fact, cdevent = "hallmark.evt.promotion.release.trusted.v1.a.b", "hallmark.evt.promotion.cdevent.published.v1.a.b"
    assert [is_of(StreamFormat.HALLMARK, subject) for subject in (fact, cdevent)] == [True, False]
    assert [is_of(StreamFormat.CDEVENTS, subject) for subject in (fact, cdevent)] == [False, True]
    everywhere = subjects_for(caller(everywhere=Role.VIEWER), None, None, StreamFormat.CDEVENTS)
    assert everywhere == ["hallmark.evt.*.cdevent.*.*.*.*"]
    mine = subjects_for(caller(shop=Role.VIEWER), "shop", "web", StreamFormat.CDEVENTS)
    assert mine == ["hallmark.evt.*.cdevent.*.*.shop.web"]
    assert frame(cdevent, 7, b"{}", "dev.cdevents.x") == b"id: 7\nevent: dev.cdevents.x\ndata: {}\n\n"


def test_a_fact_becomes_one_frame() -> None:
    subject = "hallmark.evt.registry.version.moved.v1.shop.cart"
    assert frame(subject, 42, b'{"a": 1}') == b'id: 42\nevent: version.moved\ndata: {"a": 1}\n\n'


def test_line_breaks_in_data_begin_no_field_of_their_own() -> None:
    found = frame("hallmark.evt.registry.version.moved.v1.shop.cart", 1, b"a\nid: 9\rb\r\nc")
    assert found == b"id: 1\nevent: version.moved\ndata: a\ndata: id: 9\ndata: b\ndata: c\n\n"


@pytest.mark.parametrize(
    ("who", "project", "application", "expected"),
    [
        (caller(everywhere=Role.VIEWER), None, None, ["hallmark.evt.>"]),
        (caller(everywhere=Role.VIEWER), "shop", None, ["hallmark.evt.*.*.*.*.shop.*"]),
        (caller(shop=Role.VIEWER), "shop", "cart", ["hallmark.evt.*.*.*.*.shop.cart"]),
        (
            caller(shop=Role.VIEWER, bank=Role.ADMIN),
            None,
            None,
            ["hallmark.evt.*.*.*.*.bank.*", "hallmark.evt.*.*.*.*.shop.*"],
        ),
    ],
)
def test_readers_hear_their_own_projects(
    who: Caller, project: str | None, application: str | None, expected: list[str]
) -> None:
    assert subjects_for(who, project, application) == expected


def test_readers_hear_nothing_else() -> None:
    with pytest.raises(Forbidden):
        subjects_for(caller(shop=Role.ADMIN), "bank", None)
    with pytest.raises(Forbidden):
        subjects_for(caller(), None, None)
    with pytest.raises(Invalid):
        subjects_for(caller(everywhere=Role.VIEWER), None, "cart")


def test_a_reader_goes_on_after_the_last_id() -> None:
    assert sequence_after(None) is None
    assert sequence_after("") is None
    assert sequence_after("41") == 42


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "٤", "9" * 30, "9" * 100_000])
def test_ids_that_are_not_ours_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        sequence_after(text)


@pytest.mark.parametrize("trust", [None, *Trust])
def test_badges_say_the_trust_and_load_nothing(trust: Trust | None) -> None:
    drawn = badge(trust, '1.0"><script>')
    assert "<script" not in drawn
    assert "href" not in drawn
    words = {Trust.TRUSTED: "trusted release", Trust.AT_RISK: "at risk", Trust.REVOKED: "revoked"}
    assert words.get(trust, "not released") in drawn  # type: ignore[arg-type]
    assert "waiver" not in drawn


@pytest.mark.parametrize(
    ("trust", "status", "waivers", "text"),
    [
        (Trust.TRUSTED, ReleaseStatus.TRUSTED_RELEASE, 0, "trusted release"),
        (Trust.TRUSTED, ReleaseStatus.TRUSTED_RELEASE, 1, "trusted (1 waiver)"),
        (Trust.TRUSTED, ReleaseStatus.TRUSTED_RELEASE, 3, "trusted (3 waivers)"),
        (Trust.NONE, ReleaseStatus.RELEASED, 2, "released (2 waivers)"),
        (None, ReleaseStatus.RELEASED, 0, "released"),
        # Monitoring has not heard yet that the newest release may not be called trusted.
        (Trust.TRUSTED, ReleaseStatus.RELEASED, 1, "released (1 waiver)"),
        (Trust.REVOKED, ReleaseStatus.RELEASED, 1, "revoked"),
        (Trust.AT_RISK, ReleaseStatus.TRUSTED_RELEASE, 1, "at risk"),
        (None, ReleaseStatus.TRUSTED_RELEASE, 0, "not released"),
    ],
)
def test_badges_tell_a_trusted_release_from_one_that_is_only_released(
    trust: Trust | None, status: ReleaseStatus, waivers: int, text: str
) -> None:
    drawn = badge(trust, "1.0", status=status, waivers=waivers)
    assert f">{text}</text>" in drawn
    assert ("#1a7f37" in drawn) is text.startswith("trusted")
    assert f"1.0 is {text}" in drawn


def test_whose_rights_are_confined_hears_those_applications_alone() -> None:
    held = {"shop": {"cart": frozenset({Role.VIEWER}), "till": frozenset[Role]()}, "bank": {"desk": frozenset(Role)}}
    run = Caller(Actor(subject="run", kind=ActorKind.PIPELINE), {"bank": frozenset({Role.VIEWER})}, held)
    assert subjects_for(run, "shop", "cart") == ["hallmark.evt.*.*.*.*.shop.cart"]
    assert subjects_for(run, None, None) == ["hallmark.evt.*.*.*.*.bank.*", "hallmark.evt.*.*.*.*.shop.cart"]
    for project, application in (("shop", None), ("shop", "till")):
        with pytest.raises(Forbidden):
            subjects_for(run, project, application)
