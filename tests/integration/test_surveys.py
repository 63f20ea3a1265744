"""What people see of all projects at once, on real servers: filtered, paged, bounded, and only what they may see."""

from pathlib import Path

import pytest

from contracts.answers import Applied
from contracts.monitoring.v1.surveys import LookUpTrust, ReleaseName, SurveyTrust, TrustPage, TrustSurvey
from contracts.promotion.v1.queries import ShowReadiness
from contracts.promotion.v1.surveys import PromotionSurvey, SurveyPromotions
from contracts.promotion.v1.views import Readiness
from contracts.registry.v1.commands import ApplyApplication
from contracts.registry.v1.surveys import ApplicationSurvey, SurveyApplications
from contracts.vocabulary import Criticality, Outcome, PromotionKind, PromotionState, Role, Trust
from services.registry.app import SERVICE
from shared.errors import Conflict, Forbidden, Invalid
from tests.integration.promotion_neighbours import a_finding, a_saga
from tests.integration.registry_shop import Shop
from tests.support.clock import FrozenClock
from tests.support.monitoring_scenes import a_scene, advisory, bom, digest, trusted
from tests.support.system import a_system

pytestmark = pytest.mark.servers


async def test_applications_of_all_projects_by_filter_page_and_right(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE, clock=FrozenClock()) as system:
        shop = Shop(system, await system.start(SERVICE), await system.asker(), FrozenClock())
        for project, applications in (("bank", ("card", "web")), ("shop", ("cart", "web", "web-admin"))):
            await shop.project(project)
            await shop.lifecycle("dev", "qa", "prod", project=project)
            for name in applications:
                command = ApplyApplication(
                    command_id=shop.id(),
                    project=project,
                    application=name,
                    criticality=Criticality.HIGH if name == "web" else Criticality.LOW,
                    owners=("team-web",) if name.startswith("web") else ("team-money",),
                )
                await shop.asker.ask(command, Applied)

        async def seen(token: str | None = None, **asked: object) -> ApplicationSurvey:
            return await shop.asker.ask(SurveyApplications.model_validate(asked), ApplicationSurvey, token=token)

        def names(found: ApplicationSurvey) -> list[str]:
            return [f"{one.project}/{one.application}" for one in found.applications]

        first = await seen(limit=3)
        assert (names(first), first.next) == (["bank/card", "bank/web", "shop/cart"], "shop/cart")
        rest = await seen(limit=3, after=first.next)
        assert (names(rest), rest.next) == (["shop/web", "shop/web-admin"], None)
        assert first.counts == rest.counts == {Criticality.HIGH: 2, Criticality.LOW: 3}
        assert [(one.stage, one.version, one.release) for one in first.applications[0].stages] == [
            ("dev", None, False),
            ("qa", None, False),
            ("prod", None, True),
        ]
        assert names(await seen(owner="team-web", project="shop")) == ["shop/web", "shop/web-admin"]
        assert names(await seen(criticality="high")) == ["bank/web", "shop/web"]
        assert names(await seen(name="eb-a")) == ["shop/web-admin"]

        bob = system.token("bob", Role.VIEWER, project="bank")
        mine = await seen(bob)
        assert (names(mine), mine.counts) == (["bank/card", "bank/web"], {Criticality.HIGH: 1, Criticality.LOW: 1})
        with pytest.raises(Forbidden):
            await seen(bob, project="shop")


async def test_the_trust_of_what_is_current_and_what_is_due_first(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        for project, package in (("shop", "lib-a"), ("bank", "lib-b"), ("calm", "fine")):
            scene.boms[project] = [f"pkg:pypi/{package}@1.5"]
            await scene.deliver(bom(project, digest(project, "1.0", "image"), project=project))
            await scene.deliver(
                trusted(project=project, criticality=Criticality.LOW if project == "shop" else Criticality.HIGH)
            )
        await scene.import_(advisory("A-1", "lib-a"), advisory("A-2", "lib-b"))

        async def seen(token: str | None = None, **asked: object) -> TrustSurvey:
            return await scene.asker.ask(SurveyTrust.model_validate(asked), TrustSurvey, token=token)

        found = await seen()
        assert [(one.criticality, one.trust, one.applications) for one in found.counts] == [
            (Criticality.HIGH, Trust.AT_RISK, 1),
            (Criticality.HIGH, Trust.TRUSTED, 1),
            (Criticality.LOW, Trust.AT_RISK, 1),
        ]
        assert [one.project for one in found.due] == ["bank", "shop"], "more critical, so due earlier"
        assert found.due_count == 2
        assert found.due[0].cause == "A-2 in pkg:pypi/lib-b@1.5"
        assert [one.project for one in (await seen(criticality="low")).due] == ["shop"]
        assert (await seen(name="nothing")).counts == ()
        assert [one.project for one in (await seen(owner="team-web", most=1)).due] == ["bank"]

        bob = scene.system.token("bob", Role.VIEWER, project="shop")
        assert [one.project for one in (await seen(bob)).due] == ["shop"]
        wanted = LookUpTrust(
            releases=tuple(
                ReleaseName(project=project, application="web", version=version)
                for project, version in (("shop", "1.0"), ("shop", "9.9"), ("bank", "1.0"))
            )
        )
        told = await scene.asker.ask(wanted, TrustPage, token=bob)
        assert [(one.project, one.trust) for one in told.releases] == [("shop", Trust.AT_RISK)]


async def test_what_is_on_its_way_was_stopped_and_was_released(tmp_path: Path) -> None:
    state = PromotionState
    async with a_saga(tmp_path) as saga:

        async def seen(token: str | None = None, **asked: object) -> PromotionSurvey:
            return await saga.asker.ask(SurveyPromotions.model_validate(asked), PromotionSurvey, token=token)

        saga.script.verdicts = [a_finding(Outcome.DENY)]
        denied = await saga.becomes((await saga.request("1.0")).promotion_id, state.DENIED)
        saga.script.verdicts = [a_finding(Outcome.PENDING, awaits="approval")]
        waits = await saga.becomes((await saga.request("2.0", application="web")).promotion_id, state.AWAITING_APPROVAL)
        found = await seen()
        assert [one.promotion_id for one in found.stopped] == [denied.promotion_id]
        assert (found.stopped[0].because, found.stopped[0].remedy) == ("A rule: what was there", "Do this next.")
        assert ([one.promotion_id for one in found.open], found.open_count) == ([waits.promotion_id], 1)
        assert (await seen(project="shop", application="cart")).open == ()
        assert (await seen(project="shop", application="web")).open_count == 1
        for chosen in ({"name": "we"}, {"criticality": "high", "owner": "team-cart", "name": "web"}):
            found = await seen(**chosen)
            assert (len(found.open), found.open_count, found.stopped) == (1, 1, ()), chosen
        assert (await seen(owner="nobody")).open_count == 0

        saga.clock.advance(minutes=1)
        await saga.becomes((await saga.request("1.0")).promotion_id, state.COMPLETED)
        assert (await seen()).stopped == (), "it has come there since"
        saga.clock.advance(minutes=1)
        saga.script.stages["3.0"] = "qa"
        saga.script.entered["3.0"] = ("dev", "qa")
        await saga.becomes((await saga.request("3.0", kind=PromotionKind.RELEASE)).promotion_id, state.COMPLETED)
        assert [one.version for one in (await seen()).released] == ["3.0", "1.0"]
        assert [one.version for one in (await seen(most=1)).released] == ["3.0"]

        stranger = saga.system.token("bob", Role.VIEWER, project="bank")
        nothing = await seen(stranger)
        assert (nothing.open, nothing.stopped, nothing.released, nothing.open_count) == ((), (), (), 0)
        with pytest.raises(Forbidden):
            await seen(stranger, project="shop")
        with pytest.raises(Invalid):
            await seen(application="web")


async def test_the_forecast_of_another_move_than_the_next(tmp_path: Path) -> None:
    async with a_saga(tmp_path) as saga:
        saga.script.stages["1.0"], saga.script.entered["1.0"] = "prod", ("dev", "qa", "prod")

        async def forecast(**move: object) -> Readiness:
            asked = ShowReadiness.model_validate({"project": "shop", "application": "cart", "version": "1.0"} | move)
            return await saga.asker.ask(asked, Readiness)

        back = await forecast(kind="rollback", to_stage="prod")
        assert (back.to_stage, back.findings[0].awaits) == ("prod", "ann: 2 gates")
        assert (await forecast(kind="demote")).to_stage == "qa"
        assert (await forecast(kind="recertify", to_stage="qa")).to_stage == "qa"
        with pytest.raises(Conflict):
            await forecast(to_stage="dev")
