"""An application as the registry shows it."""

from typing import Any

from contracts.registry.v1.views import ApplicationView


def an_application(**more: Any) -> ApplicationView:
    known: dict[str, Any] = {
        "project": "shop",
        "application": "web",
        "title": "",
        "criticality": "high",
        "maturity": "production",
        "owners": (),
        "labels": {},
        "lifecycle": "default",
        "packages": (),
        "revision": 1,
    }
    return ApplicationView.model_validate(known | more)
