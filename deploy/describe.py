"""Writes down the contracts: a JSON Schema and an example per message, and the AsyncAPI document of the services.

`python -m deploy.describe` writes, `--check` only tells what would change and ends with 1. Examples are written once:
they are golden wire messages, and an existing one is never changed here, so that a changed format cannot go unseen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faststream.specification import AsyncAPI

from contracts.catalog import MESSAGES
from contracts.message import Message
from deploy.examples import example_of
from deploy.system import ALL
from shared.messaging.binding import bind
from shared.messaging.broker import make_broker
from shared.settings import ServiceSettings

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"


def file_name(message: type[Message]) -> str:
    """The name of a message's schema and example."""
    return f"{message.subject}.json"


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message as it stands on the wire."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "x-subject": message.subject,
        **message.model_json_schema(by_alias=True, mode="serialization"),
    }


def asyncapi() -> dict[str, Any]:
    """One AsyncAPI 3 document of everything the services hear, from their own subscriptions."""

    async def never(*_: Any) -> None:
        raise AssertionError("nothing is consumed while describing")

    brokers = []
    for service in ALL:
        broker = make_broker(ServiceSettings(service=service.name, nats_url="nats://nats:4222"))
        bind(broker, service.name, service.handlers, never)
        brokers.append(broker)
    said = (
        AsyncAPI(*brokers, title="Hallmark", version="1.0.0", schema_version="3.0.0").to_specification().to_jsonable()
    )
    # FastStream keeps subscribers in a set: sorted, the same code gives the same document.
    document: dict[str, Any] = json.loads(json.dumps(said, sort_keys=True))
    return document


def documents() -> Iterator[tuple[Path, Any]]:
    """Every file that is written, with its content."""
    for message in MESSAGES:
        yield CONTRACTS / "schemas" / file_name(message), schema_of(message)
        example = CONTRACTS / "examples" / file_name(message)
        if not example.exists():
            yield example, json.loads(example_of(message).model_dump_json(by_alias=True))
    yield CONTRACTS / "asyncapi.json", asyncapi()


def rendered(content: Any) -> str:
    """The one textual form of a committed JSON file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write, or check; how many files differ."""
    stale = [
        (path, rendered(content))
        for path, content in documents()
        if not path.exists() or path.read_text() != rendered(content)
    ]
    for path, text in stale:
        print(f"{'differs' if '--check' in arguments else 'writing'}: {path.relative_to(CONTRACTS.parent)}")
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
