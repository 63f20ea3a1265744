"""What a refused request lacks is said with the names that are there."""

from typing import Any

import httpx
import pytest

from services.cli.advising import advised
from services.cli.client import Client
from services.cli.commands.arguments import version_ref
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Rejection
from tests.support.small_gateway import small_gateway

VERSIONS = "/projects/shop/applications/web/versions"
LIFECYCLE = [{"name": name} for name in ("dev", "qa", "prod")]
ANSWERS: dict[str, Any] = {
    f"GET {VERSIONS}/1.0": {"lifecycle": LIFECYCLE, "stage": "qa"},
    f"GET {VERSIONS}/2.0": {"lifecycle": LIFECYCLE, "stage": None},
    f"GET {VERSIONS}": {"versions": [{"version": name} for name in ("2.10.0", "2.0", "1.0", "0.9")]},
    "GET /projects/shop/applications/new/versions": {"versions": []},
}


@pytest.mark.parametrize(
    ("ref", "error", "remedy"),
    [
        (
            "shop/web/1.0",
            Invalid("stage_unknown", "m", remedy="R."),
            "R. The stages are dev → qa → prod; 1.0 stands in qa.",
        ),
        (
            "shop/web/2.0",
            Conflict("promotion_skips_stage", "m", remedy="R."),
            "R. The stages are dev → qa → prod; 2.0 has entered none yet.",
        ),
        ("shop/web/2.10", NotFound("version_unknown", "m", remedy="R."), "R. Did you mean 2.0 or 2.10.0?"),
        ("shop/web/xyz", NotFound("version_unknown", "m", remedy="R."), "R. The newest are 2.10.0, 2.0, 1.0."),
        (
            "shop/new/1.0",
            NotFound("version_unknown", "m", remedy="R."),
            "R. new has no versions yet, or does not exist: see `hallmark version list`.",
        ),
        (
            "shop/web/1.0",
            Conflict("promotion_in_progress", "The promotion pr-0a1b is under way.", remedy="R."),
            "R. See `hallmark promotion show pr-0a1b -p shop --wait`.",
        ),
        ("shop/web/1.0", Forbidden("role_missing", "m", remedy="R."), "R."),
        ("shop/gone/1.0", Invalid("stage_unknown", "m", remedy="R."), "R."),
    ],
)
def test_the_remedy_names_what_is_there(ref: str, error: Rejection, remedy: str) -> None:
    with small_gateway(ANSWERS) as gateway:
        client = Client(httpx.Client(base_url=f"{gateway.url}/api/v1"))
        found = advised(client, version_ref(ref), error)
    assert (type(found), found.code, found.message) == (type(error), error.code, error.message)
    assert found.remedy == remedy
