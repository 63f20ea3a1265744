"""Row 22: clocks of single services are an hour off, and are set while promotions run: everybody shares one time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.stack import running_stack
from deploy.system import stack_options
from shared.mongo import connect
from tests.support.invariants import require_invariants
from tests.support.recorded import Acknowledged, reader_of
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack, pytest.mark.faults]
HOUR = 3600


async def test_22_clocks_that_are_an_hour_off_and_jump_change_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    options = stack_options(data, usual_ports=False)
    token = (data / "secrets/admin-token").read_text().strip()
    skews = {"gate": HOUR, "promotion": -HOUR, "evidence": HOUR, "registry": -HOUR}
    services = []
    for one in options.services:
        file = tmp_path / f"skew-{one.name}"
        file.write_text(str(skews.get(one.name, 0)))
        env = {**one.env, "SKEW_FILE": str(file)}
        skewed = replace(one, entry="tests.faults.skewed_services:run", env=env)
        services.append(skewed if one.name in skews else one)
    began = datetime.now(UTC) - timedelta(seconds=5)
    async with (
        running_stack(replace(options, services=services)) as stack,
        Shop(stack, token) as shop,
        reader_of(stack, data) as reader,
    ):
        await shop.set_up()
        done = Acknowledged()
        for number in range(4):
            version = f"1.{number}"
            await shop.create(version)
            if number:  # Set while everything runs; leases are held, verdicts are about to expire or not.
                for name, skew in skews.items():
                    (tmp_path / f"skew-{name}").write_text(str(skew * (-1) ** number))
            for stage in ("dev", "qa"):
                promotion = await shop.promote(version, stage)
                assert promotion["state"] == "completed", promotion
                assert promotion["attempt"] == 1, "no verdict seemed to be out of date"
                done.promotions.add(promotion["promotion_id"])
        recorded = await require_invariants(reader, done)
        for entry in recorded.log:
            assert began <= datetime.fromisoformat(entry["recorded_at"]) <= datetime.now(UTC) + timedelta(seconds=5)
        async with connect(stack.servers.mongo_root_url, "hallmark_promotion", application="test") as database:
            lease = await database.collection("leases").get("sweep")
            assert lease is not None
            assert abs(lease["expires_at"] - datetime.now(UTC)) < timedelta(minutes=2), "leases are by server time"
