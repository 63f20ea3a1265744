from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from contracts.streams import STREAMS
from deploy.local import mongo_config, nats_config
from deploy.local.options import NatsRights
from shared.errors import Invalid

RIGHTS = {"gate": NatsRights(publish=("hallmark.evt.gate.>",), allow_responses=True)}


def test_nats_is_loopback_only_and_syncs_always() -> None:
    text = nats_config.render(port=4222, store=Path("/data"), rights=RIGHTS, passwords={"gate": "s"})
    configuration = json.loads(text)
    assert configuration["host"] == "127.0.0.1"
    room = configuration["jetstream"].pop("max_file_store")
    assert room >= sum(stream.max_bytes for stream in STREAMS), "the streams must be makeable on a small disk too"
    assert configuration["jetstream"] == {"store_dir": "/data", "sync_interval": "always"}
    assert "http_port" not in configuration


def test_an_empty_list_of_subjects_denies_everything() -> None:
    text = nats_config.render(port=4222, store=Path("/data"), rights=RIGHTS, passwords={"gate": "s"})
    permissions = json.loads(text)["authorization"]["users"][0]["permissions"]
    assert permissions["subscribe"] == {"deny": [">"]}
    assert permissions["publish"] == {"allow": ["hallmark.evt.gate.>"]}


def test_nats_without_users_is_refused() -> None:
    with pytest.raises(Invalid):
        nats_config.render(port=4222, store=Path("/data"), rights={}, passwords={})


def test_mongod_listens_on_loopback_with_a_keyfile_and_without_zlib() -> None:
    argv = mongo_config.arguments(Path("/bin/mongod"), port=27017, data=Path("/data"), keyfile=Path("/key"))
    pairs = dict(pairwise(argv))
    assert pairs["--bind_ip"] == "127.0.0.1"
    assert pairs["--keyFile"] == "/key"
    assert pairs["--networkMessageCompressors"] == "snappy,zstd"
    assert {"--noscripting", "--nounixsocket"} <= set(argv)
    assert f"transactionLifetimeLimitSeconds={mongo_config.TRANSACTION_SECONDS}" in argv


def test_a_secret_cannot_change_the_meaning_of_a_url() -> None:
    url = mongo_config.user_url([27017], "gate", "a@b/c?d", "hallmark_gate")
    assert url.startswith("mongodb://gate:a%40b%2Fc%3Fd@127.0.0.1:27017/hallmark_gate?authSource=admin")


def test_servers_of_a_cluster_know_each_other_by_a_secret_that_is_no_users() -> None:
    cluster = nats_config.Cluster("nats-server-2", 5002, (5001, 5003), "between")
    text = nats_config.render(port=4222, store=Path("/data"), rights=RIGHTS, passwords={"gate": "s"}, cluster=cluster)
    configuration = json.loads(text)
    assert configuration["server_name"] == "nats-server-2"
    assert configuration["cluster"]["host"] == "127.0.0.1"
    assert configuration["cluster"]["authorization"] == {"user": "route", "password": "between"}
    assert configuration["cluster"]["routes"] == [
        f"nats-route://route:between@127.0.0.1:{port}" for port in (5001, 5003)
    ]
    assert [user["user"] for user in configuration["authorization"]["users"]] == ["gate"]


def test_a_url_names_every_member() -> None:
    assert mongo_config.server_url([1, 2, 3]) == "mongodb://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3/?replicaSet=hallmark"
