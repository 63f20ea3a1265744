"""What a change of trust is in CDEvents."""

import json

from contracts.cdevents import chain_id
from contracts.monitoring.v1.events import TrustChanged
from contracts.vocabulary import Trust
from services.monitoring import cdevents
from tests.support.builders import a_message
from tests.support.cdevents_standard import require_valid, with_schemas

CHANGED = a_message(TrustChanged, from_trust=Trust.TRUSTED, to_trust=Trust.AT_RISK)


def test_a_change_of_trust_is_an_event_of_our_own_in_the_chain_of_the_version() -> None:
    said = cdevents.told(CHANGED)
    assert said.context.type == "dev.cdeventsx.hallmark-trust.changed.0.1.0"
    assert said.context.chain_id == chain_id(CHANGED.version_digest)
    assert (said.about.content["fromTrust"], said.about.content["toTrust"]) == ("trusted", "at_risk")
    assert said.address() == f"hallmark.evt.monitoring.cdevent.published.v1.{CHANGED.project}.{CHANGED.application}"


@with_schemas
def test_it_is_what_the_standard_asks_of_events_of_others() -> None:
    require_valid(json.loads(cdevents.told(CHANGED).model_dump_json(by_alias=True)))
