"""A project on a running stack whose releases are watched: open gates, and one component in each version."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from contracts.evidence.v1.commands import Receipt
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from tests.support.crash_stack import CrashStack
from tests.support.eventually import eventually
from tests.support.monitoring_scenes import advisory
from tests.support.shop import FINAL

CYCLONEDX = "https://cyclonedx.org/bom"
PROJECT = "/projects/watched"
WITHIN = 90.0


@dataclass(frozen=True)
class Watched:
    """One version of it, from its build to what becomes of its flaw."""

    stack: CrashStack
    version: str

    @property
    def package(self) -> str:
        """What only this version consists of."""
        return f"lib{self.version.replace('.', 'x')}"

    async def released(self) -> None:
        """It is a release that monitoring calls trusted, and whose component it knows."""
        await self._set_up()
        artifact = {"purl": f"pkg:pypi/web@{self.version}", "digest": self._digest}
        body = {"version": self.version, "artifacts": [artifact]}
        await self._ask("POST", f"{PROJECT}/applications/web/versions", "create", json=body)
        self.stack.done.versions.add(f"watched/web/{self.version}")
        receipt = await self._ask("POST", f"{PROJECT}/evidence", "bom", content=self._bom())
        self.stack.done.receipts.append(Receipt.model_validate(receipt))
        body = {"application": "web", "version": self.version, "to_stage": "prod", "kind": "release"}
        promotion = await self._ask("POST", f"{PROJECT}/promotions", "release", json=body)
        self.stack.done.promotions.add(promotion["promotion_id"])
        path = f"{PROJECT}/promotions/{promotion['promotion_id']}"
        ended = await eventually(lambda: self._ask("GET", path), lambda found: found["state"] in FINAL, within=WITHIN)
        assert ended["state"] == "completed", ended
        await eventually(self._trust, lambda found: found == ("trusted", 1), within=WITHIN)

    async def flawed(self, day: int, **more: Any) -> None:
        """An advisory about its component comes in, in the form of a day."""
        record = advisory(f"A-{self.package}", self.package, modified=f"2026-05-0{day}T00:00:00Z", **more)
        await self._ask("POST", "/advisories", f"advisory-{day}", json={"advisories": [record]})

    async def alert(self, state: str) -> dict[str, Any]:
        """Its only alert, once it is in a state."""

        async def look() -> list[dict[str, Any]]:
            found = (await self._ask("GET", f"{PROJECT}/alerts", params={"state": state}))["alerts"]
            return [one for one in found if one["version"] == self.version]

        [found] = await eventually(look, within=WITHIN)
        return dict(found)

    async def acknowledged(self, alert_id: str) -> None:
        """Somebody deals with it."""
        await self._ask("POST", f"{PROJECT}/alerts/{alert_id}/acknowledge", "mine", json={"reason": "Mine."})

    async def told(self) -> Counter[str]:
        """How often what was said of its alerts."""
        recorded = await self.stack.reader.read()
        return Counter(
            kind
            for kind in ("alert.opened", "alert.changed", "alert.closed")
            for one in recorded.facts_of(kind)
            if (said := one.json())["project"] == "watched" and said["version"] == self.version
        )

    async def _set_up(self) -> None:
        stages = [{"name": "prod", "open": ["entry", "release"]}]
        root = {"keys": [keys.public_pem(self.stack.shop.key.public_key())], "predicate_types": [CYCLONEDX]}
        for path, body in (
            ("", {"title": "Watched"}),
            ("/lifecycles/default", {"stages": stages}),
            ("/applications/web", {"criticality": "high"}),
            ("/trust-roots/bom", root | {"role": "build"}),
        ):
            await self.stack.shop.ask("PUT", f"{PROJECT}{path}", json=body)

    async def _trust(self) -> tuple[str, int]:
        found = (await self._ask("GET", f"{PROJECT}/risk", params={"all": True, "limit": 500}))["releases"]
        return next(((one["trust"], one["components"]) for one in found if one["version"] == self.version), ("", 0))

    async def _ask(self, method: str, path: str, key: str = "", **options: Any) -> Any:
        answer = await self.stack.shop.ask(method, path, f"watched-{self.version}-{key}", WITHIN, **options)
        return answer.json()

    @property
    def _digest(self) -> str:
        return sha256_digest(f"watched {self.version}".encode())

    def _bom(self) -> bytes:
        component = {"type": "library", "name": self.package, "version": "1.5", "purl": f"pkg:pypi/{self.package}@1.5"}
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": self._digest.removeprefix("sha256:")}}],
            "predicateType": CYCLONEDX,
            "predicate": {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]},
        }
        return dsse.sign("application/vnd.in-toto+json", json.dumps(statement).encode(), [self.stack.shop.key])
