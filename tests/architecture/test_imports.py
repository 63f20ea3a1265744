"""Who may import whom: the directions of the house, checked on every module."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("registry", "evidence", "gate", "promotion", "monitoring")
FIELD_LIBRARIES = {
    "packaging",
    "univers",
    "cvss",
    "dateutil",
    "packageurl",
    "license_expression",
    "jsonschema_rs",
    "lxml",
    "defusedxml",
    "xml",
    "yaml",
}
"""Version order, package URLs, licences, recurrences, schemas, syntaxes: pure, and part of what the domains decide."""


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    return tuple(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things come from"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def outsiders(path: Path, allowed: tuple[str, ...]) -> list[str]:
    """What a module imports beyond the standard library and `allowed` prefixes."""
    return [
        name
        for name in imports_of(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == one or name.startswith(f"{one}.") or one.startswith(f"{name}.") for one in allowed)
    ]


def of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules("contracts"), ids=of)
def test_contracts_import_nothing_but_pydantic(path: Path) -> None:
    assert outsiders(path, ("contracts", "pydantic")) == []


@pytest.mark.parametrize("path", modules("shared"), ids=of)
def test_shared_knows_no_service_and_no_business_words(path: Path) -> None:
    names = list(imports_of(path))
    assert not [name for name in names if name.split(".")[0] in {"services", "deploy", "tests"}]
    # What is given again is a verdict: the one contract of a service that a shared room reads (ADR 8).
    allowed = "contracts.gate.v1.views" if of(path) == "shared/policy/replay.py" else "nothing"
    services = tuple(f"contracts.{service}" for service in SERVICES)
    assert not [name for name in names if name.startswith(services) and not name.startswith(allowed)]


_VEX = ("shared.policy.rules.vex_products", "shared.policy.rules.vulnerability_ids")


@pytest.mark.parametrize(
    "path",
    modules(*(f"services/{one}/domain" for one in SERVICES), "shared/policy", "shared/trust", "shared/crypto"),
    ids=of,
)
def test_domains_are_pure(path: Path) -> None:
    folder = ".".join(path.relative_to(ROOT).parts[:-1])
    own = re.sub(r"^(services\.\w+\.domain|shared\.(policy|trust|crypto)).*", r"\1", folder)
    allowed = (
        "pydantic",
        "contracts.vocabulary",
        "contracts.alerting",
        "contracts.facts",
        "contracts.circumstances",
        "contracts.clearance",
        "contracts.findings",
        "contracts.importing",
        "shared.errors",
        "shared.digests",
        "shared.crypto",
        "shared.patterns",
        "shared.way",
        *(("shared.rego.question",) if own in ("shared.policy", "services.gate.domain") else ()),
        own,
        *(("shared.policy",) if own == "services.gate.domain" else ()),
        # What a VEX statement speaks of is read here as it is at the gates.
        *(_VEX if own == "services.monitoring.domain" and path.name in ("vex.py", "vex_places.py") else ()),
        *(("contracts.gate.v1.views",) if path.name == "replay.py" else ()),
        *(("shared.trust",) if own == "services.evidence.domain" else ()),
        *(("cryptography", "rfc3161_client") if own == "shared.crypto" else ()),
        *FIELD_LIBRARIES,
    )
    assert outsiders(path, allowed) == []
    asynchronous = (ast.AsyncFunctionDef, ast.Await)
    assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, asynchronous)]


@pytest.mark.parametrize("path", modules("services/cli/verifier"), ids=of)
def test_the_verifier_needs_no_service(path: Path) -> None:
    allowed = (
        "contracts.circumstances",
        "contracts.clearance",
        "contracts.facts",
        "contracts.vocabulary",
        "contracts.gate.v1.views",
        "cryptography",
        "services.cli.verifier",
        "shared.crypto",
        "shared.digests",
        "shared.errors",
        "shared.patterns",
        "shared.policy",
        "shared.records",
        "shared.rego",
        "shared.trust",
        "shared.verdict_signature",
        "shared.way",
    )
    assert outsiders(path, allowed) == []


@pytest.mark.parametrize("path", modules("services/cli/policies"), ids=of)
def test_policies_are_tried_without_any_server(path: Path) -> None:
    allowed = (
        "contracts.circumstances",
        "contracts.facts",
        "contracts.findings",
        "contracts.importing",
        "contracts.vocabulary",
        "pydantic",
        "services.cli.policies",
        "shared.yaml_reading",
        "shared.digests",
        "shared.errors",
        "shared.policy",
        "shared.rego.question",
    )
    assert outsiders(path, allowed) == []


@pytest.mark.parametrize("path", modules("services"), ids=of)
def test_services_meet_only_in_contracts(path: Path) -> None:
    own = path.relative_to(ROOT).parts[1]
    foreign = [name for name in imports_of(path) if name.startswith("services.") and name.split(".")[1] != own]
    assert foreign == []


@pytest.mark.parametrize("path", modules("services", "shared", "contracts", "deploy"), ids=of)
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    rooms = {
        ("motor", "pymongo", "bson", "gridfs"): ("shared/mongo/", "deploy/local/mongod.py"),
        ("faststream",): ("shared/messaging/", "shared/service.py", "shared/tracing.py", "deploy/describe.py"),
        ("nats",): (
            "shared/messaging/",
            "shared/service.py",
            "deploy/provision.py",
            "deploy/rights.py",
            "services/gateway/",
        ),
        ("uvicorn",): ("shared/service.py", "services/gateway/"),
        ("fastapi",): ("services/gateway/",),
        ("typer", "rich"): ("services/cli/", "deploy/local/table.py"),
        ("jwt",): ("shared/identity.py", "shared/oidc/"),
        ("regorus",): ("shared/rego/engine.py",),
        ("httpx",): (
            "services/cli/client.py",
            "services/cli/following.py",
            "services/cli/run_token.py",
            "services/gateway/",
            "deploy/local/",
            "services/monitoring/feeds/fetching.py",
            "shared/oidc/fetching.py",
        ),
    }
    for libraries, allowed in rooms.items():
        used = [name for name in imports_of(path) if name.split(".")[0] in libraries]
        assert not used or of(path).startswith(allowed), f"{of(path)} imports {used}"


def test_the_rego_engine_is_imported_by_its_worker_alone() -> None:
    engine = [of(path) for path in modules("services", "shared", "deploy") if "shared.rego.engine" in imports_of(path)]
    assert engine == ["shared/rego/serving.py"]


def test_the_command_line_starts_without_the_broker_and_the_database() -> None:
    top_level = [
        name
        for path in modules("services/cli")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
    ]
    assert not [name for name in top_level if name.startswith(("deploy", "shared.mongo", "shared.messaging"))]


def test_no_machine_path_and_no_index_host_in_the_project() -> None:
    hosts = [f"{name}.{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]
    for path in ROOT.rglob("*"):
        if path.is_file() and not {".venv", ".git", ".hallmark"} & set(path.relative_to(ROOT).parts):
            data = path.read_bytes()
            assert not [host for host in hosts if host.encode() in data], of(path)
