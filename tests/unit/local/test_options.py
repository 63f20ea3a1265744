from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.options import NatsRights, ServiceSpec, StackOptions, instances_of
from shared.errors import Invalid

GATE = ServiceSpec("gate", "services.gate.app:run")
REGISTRY = ServiceSpec("registry", "services.registry.app:run")
RIGHTS = {"gate": NatsRights(), "registry": NatsRights()}


@pytest.mark.parametrize("name", ["", "../gate", "Gate", "gate-1", "ga te", "1gate"])
def test_a_name_that_is_unsafe_in_files_or_databases_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        ServiceSpec(name, "services.gate.app:run")
    assert refused.value.code == "service_name_invalid"


@pytest.mark.parametrize("entry", ["services.gate.app", "services.gate.app:", ":run", "a b:run"])
def test_an_entry_that_names_no_function_is_refused(entry: str) -> None:
    with pytest.raises(Invalid) as refused:
        ServiceSpec("gate", entry)
    assert refused.value.code == "service_entry_invalid"


def test_scaling_gives_every_process_a_name_of_its_own() -> None:
    options = StackOptions(data_dir=Path("x"), services=(GATE, REGISTRY), nats_rights=RIGHTS, scale={"gate": 3})
    assert [instance.name for instance in instances_of(options)] == ["gate-1", "gate-2", "gate-3", "registry"]


@pytest.mark.parametrize("scale", [{"gate": 0}, {"gate": 33}, {"mongod": 2}])
def test_an_impossible_scale_is_refused(scale: dict[str, int]) -> None:
    with pytest.raises(Invalid) as refused:
        StackOptions(data_dir=Path("x"), services=(GATE,), nats_rights=RIGHTS, scale=scale)
    assert refused.value.code == "scale_invalid"


def test_a_service_without_rights_is_refused_unless_the_server_is_given() -> None:
    with pytest.raises(Invalid) as refused:
        StackOptions(data_dir=Path("x"), services=(GATE,))
    assert refused.value.code == "nats_rights_missing"
    assert StackOptions(data_dir=Path("x"), services=(GATE,), nats_url="nats://elsewhere:4222").services == (GATE,)


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        StackOptions(data_dir=Path("x"), services=(GATE, GATE), nats_rights=RIGHTS)
    assert refused.value.code == "service_named_twice"
