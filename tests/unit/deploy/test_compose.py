import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.streams import STREAMS
from deploy import render, serve
from deploy.local.credentials import Credentials, load_or_create
from deploy.local.layout import DataDirectory
from deploy.secrets import SERVICES, Secrets, create_secrets
from deploy.system import rights, service_environment
from services.evidence.settings import EvidenceSettings
from services.gateway.settings import GatewaySettings
from services.monitoring.settings import MonitoringSettings
from services.promotion.equipment import PromotionSettings
from shared.settings import ServiceSettings, read_settings

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN_IMAGE = "hallmark:0.1.0"
JOBS = {"secrets", "mongo-users", "provision"}
HANDED = "/run/hallmark"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "evidence": EvidenceSettings,
    "gateway": GatewaySettings,
    "monitoring": MonitoringSettings,
    "promotion": PromotionSettings,
}
ASKED_FOR = re.compile(r"\$\{(\w+):-([^}]*)\}")
"""What whoever runs it may set, and what counts otherwise."""

# compose-spec, schema/compose-spec.json: what may stand at the top, in a service and in a health check.
TOP_KEYS = {"name", "services", "networks", "volumes", "secrets", "configs", "include", "models"}
SERVICE_KEYS = set(
    """annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent
    cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop
    device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
    external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links
    logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks
    oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider
    pull_policy read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal
    storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from
    working_dir""".split()  # noqa: SIM905 - one key per line would fill a page
)
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+")


def volumes_of(container: str) -> dict[str, str]:
    """What is mounted where."""
    return {
        target: source
        for source, target, *_ in (volume.split(":") for volume in CONTAINERS[container].get("volumes", []))
    }


def variables_of(container: str) -> dict[str, str]:
    """As they are where nobody sets anything."""
    return {
        name: ASKED_FOR.sub(r"\2", value)
        for name, value in CONTAINERS[container].get("environment", {}).items()
        if name.startswith("HALLMARK_")
    }


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Secrets, Credentials]:
    directory = DataDirectory(tmp_path / "kept")
    return create_secrets(directory.secrets), load_or_create(directory, rights(), SERVICES)


def test_only_what_the_compose_specification_knows() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} <= TOP_KEYS
    for name, container in CONTAINERS.items():
        assert set(container) <= SERVICE_KEYS, name
        assert container.get("restart") in {"no", "unless-stopped"}, f"{name}: YAML reads an unquoted no as false"
        health = container.get("healthcheck", {})
        assert set(health) <= HEALTH_KEYS, name
        assert not [key for key in health if key not in {"test", "retries"} and not DURATION.fullmatch(health[key])]
        assert all(isinstance(value, str) for value in container.get("environment", {}).values()), name


def test_everything_that_is_named_exists() -> None:
    for name, container in CONTAINERS.items():
        for needed, how in container.get("depends_on", {}).items():
            assert needed in CONTAINERS, f"{name} waits for {needed}"
            assert how["condition"] in CONDITIONS
            assert how["condition"] == ("service_completed_successfully" if needed in JOBS else "service_healthy"), (
                f"{name} waits for {needed}"
            )
        assert set(container.get("networks", [])) <= set(COMPOSE["networks"])
        assert ("networks" in container) != ("network_mode" in container), name
        for source in volumes_of(name).values():
            assert (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"], source
    mounted = {source for name in CONTAINERS for source in volumes_of(name).values()}
    assert set(COMPOSE["volumes"]) <= mounted


def test_waiting_never_goes_in_a_circle() -> None:
    started: set[str] = set()
    while rest := set(CONTAINERS) - started:
        next_ones = {name for name in rest if set(CONTAINERS[name].get("depends_on", {})) <= started}
        assert next_ones, f"{rest} wait for each other"
        started |= next_ones


def test_every_service_runs_exactly_once() -> None:
    commands = [tuple(container.get("command", ())) for container in CONTAINERS.values()]
    assert set(CONTAINERS) == {*SERVICES, *JOBS, "nats", "mongo"}
    for name in SERVICES:
        assert commands.count(("deploy.serve", name)) == 1
        assert tuple(CONTAINERS[name]["command"]) == ("deploy.serve", name)
        assert TEXT.count(f"\n  {name}:\n") == 1, "YAML would silently take the last of several"
        assert "/ready" in CONTAINERS[name]["healthcheck"]["test"][-1]


def test_images_are_pinned_by_explicit_version() -> None:
    for name, container in CONTAINERS.items():
        if "build" in container:
            assert container["image"] == OWN_IMAGE, name
        else:
            assert re.fullmatch(r"(nats:2\.\d+\.\d+-alpine|mongo:8\.0\.\d+)", container["image"]), name
    bases = re.findall(r"^FROM (\S+)", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)


def test_only_the_gateway_can_be_reached_and_only_from_this_machine() -> None:
    assert {name for name, container in CONTAINERS.items() if "ports" in container} == {"gateway"}
    assert all(port.startswith("127.0.0.1:") for port in CONTAINERS["gateway"]["ports"])
    assert {name for name, container in CONTAINERS.items() if "outside" in container.get("networks", [])} == {"gateway"}
    assert {name for name, container in CONTAINERS.items() if "feeds" in container.get("networks", [])} == {
        "monitoring"
    }
    assert COMPOSE["networks"] == {"inside": {"internal": True}, "outside": None, "feeds": None}


def test_services_can_be_scaled() -> None:
    assert not [name for name, container in CONTAINERS.items() if {"container_name", "hostname"} & set(container)]
    assert not [name for name in CONTAINERS if "HALLMARK_INSTANCE" in variables_of(name)]


def test_every_variable_is_read() -> None:
    by_name = set(re.findall(r'environ\.get\("(HALLMARK_[A-Z_]+)"\)', (ROOT / "shared/settings.py").read_text()))
    for container in CONTAINERS:
        read = {f"HALLMARK_{name.upper()}" for name in SETTINGS.get(container, ServiceSettings).model_fields}
        assert set(variables_of(container)) <= read | by_name, container


def test_what_whoever_runs_it_sets_arrives_under_the_same_name() -> None:
    for name, container in CONTAINERS.items():
        for variable, value in container.get("environment", {}).items():
            asked = ASKED_FOR.fullmatch(value)
            assert ("$" in value) == (asked is not None), variable
            assert asked is None or asked[1] == variable, f"{name} does not hear of {variable}"


def test_folders_that_are_written_to_are_volumes_that_the_user_of_the_image_owns() -> None:
    made = (ROOT / "deploy/Dockerfile").read_text()
    folders = {
        (name, value)
        for name in SERVICES
        for variable, value in variables_of(name).items()
        if value.startswith("/var/")
    }
    assert {name for name, _ in folders} == {"evidence", "monitoring"}
    for name, folder in folders:
        assert folder in volumes_of(name), f"{folder} would be gone with its container"
        assert f" {folder}" in made.partition("install --directory")[2].partition("ENV")[0]


@pytest.mark.parametrize("name", SERVICES)
def test_settings_come_out_of_the_variables_and_the_handout(
    name: str, tmp_path: Path, kept: tuple[Secrets, Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets, credentials = kept
    render.write(render.handouts(secrets, credentials)[name], tmp_path, give_away=False)
    for variable in [variable for variable in os.environ if variable.startswith("HALLMARK_")]:
        monkeypatch.delenv(variable)
    for variable, value in variables_of(name).items():
        monkeypatch.setenv(variable, value.replace(HANDED, str(tmp_path)))
    settings = read_settings(SETTINGS.get(name, ServiceSettings), service=name)

    assert settings.nats_user == name
    assert settings.nats_password is not None
    assert settings.nats_password.get_secret_value() == credentials.nats[name]
    assert f"//{name}:{credentials.mongo[name]}@mongo:27017/hallmark_{name}?" in settings.mongo_url.get_secret_value()
    assert (settings.http_host, settings.http_port) == ("0.0.0.0", 8080)  # noqa: S104 - inside its container
    assert settings.identity_key is not None
    assert settings.identity_key.read_text() == secrets.identity(name).read_text()
    assert {path.stem for path in settings.issuers_dir.iterdir()} == set(SERVICES)
    # Whatever the local stack tells this service, its container is told too.
    for variable in service_environment(name, secrets):
        assert getattr(settings, variable.removeprefix("HALLMARK_").lower()) is not None


def test_the_gateway_fetches_large_contents_from_the_evidence_service() -> None:
    port = variables_of("evidence")["HALLMARK_HTTP_PORT"]
    assert variables_of("gateway")["HALLMARK_EVIDENCE_URLS"] == f"http://evidence:{port}"


def test_everybody_is_handed_its_own_secrets_and_nobody_elses(kept: tuple[Secrets, Credentials]) -> None:
    secrets, credentials = kept
    found = render.handouts(secrets, credentials)
    job = volumes_of("secrets")
    for reader, handout in found.items():
        assert volumes_of(reader)[HANDED] == job[f"/handouts/{reader}"]
        assert f"{job[f'/handouts/{reader}']}:{HANDED}:ro" in CONTAINERS[reader]["volumes"]
        text = "\n".join(handout.files.values())
        for other in SERVICES:
            others = (credentials.nats[other], credentials.mongo[other], secrets.identity(other).read_text())
            shared = {"nats": others[:1], "mongo-users": others[1:2], other: others}.get(reader, ())
            assert [secret for secret in others if secret in text] == list(shared), f"{reader} reads {other}'s"
        assert (secrets.signing_key.read_text() in text) == (reader == "evidence")
        assert (secrets.admin_token.read_text().strip() in text) == (reader == "gateway")
    assert {f"/handouts/{reader}" for reader in found} == {target for target in job if target.startswith("/handouts")}
    assert [name for name in CONTAINERS if "kept" in volumes_of(name).values()] == ["secrets"]


def test_the_job_that_makes_mongo_users_is_handed_what_it_reads(kept: tuple[Secrets, Credentials]) -> None:
    files = render.handouts(*kept)["mongo-users"].files
    script = (ROOT / "deploy/mongo/replica-set.js").read_text()
    assert set(re.findall(r'read\("([^"]+)"\)', script)) == files.keys()
    confined = json.loads(files["privileges.json"])
    assert confined.keys() == set(SERVICES) - {"gateway"}
    assert not any(
        "remove" in one["actions"] for one in confined["evidence"] if "log_entries" in one["resource"].values()
    )


def test_handouts_are_for_the_user_that_reads_them(
    tmp_path: Path, kept: tuple[Secrets, Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[Path, int] = {}
    monkeypatch.setattr("os.chown", lambda path, user, _group: given.update({path: user}))
    handout = render.handouts(*kept)["gate"]
    for _ in range(2):  # an upgrade hands out again
        render.write(handout, tmp_path / "gate", give_away=True)

    paths = [tmp_path / "gate", *(tmp_path / "gate").rglob("*")]
    assert given == dict.fromkeys(paths, render.HALLMARK_UID)
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
    assert f"USER {render.HALLMARK_UID}:" in (ROOT / "deploy/Dockerfile").read_text()
    assert CONTAINERS["mongo"]["user"].startswith(f"{render.MONGO_UID}:")


def test_nats_keeps_every_fact_and_knows_every_user(kept: tuple[Secrets, Credentials]) -> None:
    configuration = json.loads(render.handouts(*kept)["nats"].files["nats.conf"])
    room = configuration["jetstream"].pop("max_file_store")
    assert room >= sum(stream.max_bytes for stream in STREAMS), "the streams must be makeable on a small disk too"
    assert configuration["jetstream"] == {"store_dir": "/data", "sync_interval": "always"}
    assert volumes_of("nats")["/data"] == "nats-store"
    assert (configuration["host"], configuration["port"]) == ("0.0.0.0", 4222)  # noqa: S104 - inside its container
    assert {user["user"] for user in configuration["authorization"]["users"]} == set(rights())
    assert all(user["permissions"] for user in configuration["authorization"]["users"])


def test_a_service_that_does_not_exist_is_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main(["nobody"]) == 2
    assert serve.main([]) == 2
    assert "registry|evidence" in capsys.readouterr().err
