"""`make demo`: governs a real release of this very project, from its build to an advisory that hits it.

Nothing is prepared or faked: a wheel is built, field tools take stock of it, scan it and test it, and everything that
is printed below a `$` line is what the `hallmark` command, or the tool named there, said. The stack is real (NATS,
MongoDB, five services, the gateway), lives in a temporary folder, and is gone at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
from packaging.utils import canonicalize_name
from rich.console import Console

from deploy.local.stack import Stack, running_stack
from deploy.system import stack_options
from shared.digests import sha256_digest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PROJECT = APPLICATION = "hallmark"
ROLES = {
    "build": ["https://cyclonedx.org/bom"],
    "test": ["https://in-toto.io/attestation/test-result/v0.1"],
    "scanner": ["https://in-toto.io/attestation/vulns/v0.2"],
}
DENIED, PENDING = 3, 4
console = Console()


class DemoFailedError(Exception):
    """The system did not do what this demo shows."""


def chapter(title: str) -> None:
    console.print(f"\n[bold]{title}[/]", soft_wrap=True, highlight=False)


class Shell:
    """Runs commands as a person would, in one folder, and shows what they say."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = {**os.environ, "COLUMNS": "150", "PYTHONWARNINGS": "ignore", **env}

    def run(self, *command: str, expect: tuple[int, ...] = (0,), show: bool = True, **env: str) -> str:
        """What the command printed. Raises `DemoFailedError` for an exit code that is not expected."""
        words = " ".join(Path(word).name if word.startswith("/") else word for word in command)
        console.print(f"[cyan]$ {words}[/]", highlight=False, markup=True, soft_wrap=True)
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            check=False,
        )
        text = (done.stdout + done.stderr).rstrip()
        if show and text:
            console.print(text, highlight=False, markup=False, soft_wrap=True)
        if done.returncode not in expect:
            raise DemoFailedError(f"{words} ended with {done.returncode}, not {expect}:\n{text}")
        return done.stdout

    def json(self, *command: str) -> Any:
        """The JSON answer of a `hallmark` command, not shown."""
        done = subprocess.run(
            [str(BIN / "hallmark"), "--json", *command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)


class Release:
    """One version of this project on its way."""

    def __init__(self, shell: Shell, version: str, source: Path) -> None:
        self.shell = shell
        self.version = version
        self.source = source
        self.name = f"{PROJECT}/{APPLICATION}/{version}"
        self.purl = f"pkg:pypi/hallmark@{version}"
        self.digest = ""

    def build(self) -> None:
        """Build the wheel."""
        out = self.shell.folder / "dist" / self.version
        self.shell.run(
            "python", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(self.source), show=False
        )
        [wheel] = out.glob("*.whl")
        self.digest = sha256_digest(wheel.read_bytes())
        console.print(f"{wheel.name}  {self.digest}", highlight=False)

    async def announce(self, stack: Stack, token: str) -> None:
        """Publish the build on NATS, as a pipeline does: a CDEvent, with the pipeline's short-lived token."""
        env = stack.servers.env("pipeline")
        event_id = str(uuid.uuid4())
        event = {
            "context": {
                "specversion": "0.5.1",
                "id": event_id,
                "source": "/pipelines/demo",
                "type": "dev.cdevents.artifact.published.0.3.0",
                "timestamp": datetime.now(UTC).isoformat(),
            },
            "subject": {"id": self.purl, "content": {}},
            "customData": {"hallmark": {"digest": self.digest}},
        }
        connection = await nats.connect(
            env["HALLMARK_NATS_URL"],
            user=env.get("HALLMARK_NATS_USER"),
            password=env.get("HALLMARK_NATS_PASSWORD"),
            inbox_prefix="_INBOX_pipeline",
        )
        headers = {"authorization": f"Bearer {token}", "Nats-Msg-Id": event["context"]["id"]}  # type: ignore[index]
        stored = await connection.jetstream().publish(
            "hallmark.in.cdevents", json.dumps(event).encode(), headers=headers
        )
        await connection.close()
        console.print(f"published on hallmark.in.cdevents, stored as {stored.stream} {stored.seq}", highlight=False)

    def register(self, commit: str, committed_at: str) -> None:
        """Register the version."""
        self.shell.run(
            "hallmark", "version", "create", self.name, "--artifact", f"{self.purl}={self.digest}",
            "--repository", "https://git.example/hallmark", "--commit", commit, "--committed-at", committed_at,
        )  # fmt: skip

    def attach(self, kind: str, key: str, predicate: str) -> None:
        """Sign a tool's output and hand it in."""
        envelope = f"{self.version}-{key}.dsse.json"
        self.shell.run(
            "hallmark", "evidence", "sign", predicate, "--type", kind, "--key", f"{key}.key",
            "--subject", f"hallmark.whl={self.digest}", "--output", envelope, show=False,
        )  # fmt: skip
        self.shell.run("hallmark", "evidence", "attach", envelope, "-p", PROJECT)

    def newest_promotion(self) -> str:
        """The id of the promotion that was asked for last."""
        found = self.shell.json("promotion", "list", "-p", PROJECT)
        return str(next(one["promotion_id"] for one in found if one["version"] == self.version))


def prepare(shell: Shell) -> None:
    """Keys for three tools, and the trust roots that say what each may vouch for."""
    roots = []
    for role, types in ROLES.items():
        shell.run("hallmark", "key", "generate", f"{role}.key")
        pem = (shell.folder / f"{role}.key.pub").read_text()
        spec = {"keys": [{"pem": pem}], "predicateTypes": types, "role": role}
        metadata = {"project": PROJECT, "name": role}
        roots.append({"apiVersion": "hallmark/v1", "kind": "TrustRoot", "metadata": metadata, "spec": spec})
    shell.run("hallmark", "policy", "test", str(ROOT / "examples/policies"))
    (shell.folder / "trust-roots.yaml").write_text("\n---\n".join(json.dumps(root) for root in roots))
    shell.run(
        "hallmark", "apply", "-f", str(ROOT / "examples/projects"), "-f", str(ROOT / "examples/policies"),
        "-f", "trust-roots.yaml",
    )  # fmt: skip


def run_tools(shell: Shell) -> None:
    """A real part of the test suite, and a real scan of the code."""
    shell.run(
        "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"),
        f"--junitxml={shell.folder / 'junit.xml'}", str(ROOT / "tests/unit/registry"),
    )  # fmt: skip
    shell.run(
        "bandit", "-q", "-r", str(ROOT / "services"), str(ROOT / "shared"), "-f", "json", "-o", "bandit.json",
        expect=(0, 1), show=False,
    )  # fmt: skip


def take_stock(shell: Shell) -> None:
    """What the release needs at run time, and what the developer's whole environment holds."""
    shell.run("cyclonedx-py", "requirements", str(ROOT / "requirements.lock"), "-o", "sbom.json", show=False)
    shell.run("cyclonedx-py", "environment", sys.executable, "-o", "sbom-next.json", show=False)


def first_release(release: Release, approver: str) -> None:
    """DEV, QA with a refusal on the way, PROD with an approval: a Trusted Release."""
    shell = release.shell
    chapter("DEV is open; the gate into QA is not: it says why, and what to do")
    shell.run("hallmark", "promote", release.name, "--wait")
    shell.run("hallmark", "promote", release.name, "--wait", "--patience", "2", expect=(PENDING,))
    chapter("What was missing is supplied, signed by the tools' keys")
    run_tools(shell)
    release.attach("cyclonedx", "build", "sbom.json")
    release.attach("test-result", "test", "junit.xml")
    shell.run("hallmark", "promote", release.name, "--wait")
    to_production(release, approver)


def to_production(release: Release, approver: str) -> None:
    """The release gate: a scan, and a person who answers for it."""
    shell = release.shell
    chapter(f"{release.version} into PROD: a scan and somebody's approval")
    release.attach("vulns", "scanner", "bandit.json")
    shell.run("hallmark", "release", release.name, "--wait", "--timeout", "3", expect=(PENDING,))
    promotion = release.newest_promotion()
    shell.run(
        "hallmark", "approve", promotion, "-p", PROJECT, "-m", "seen the evidence", show=False, HALLMARK_TOKEN=approver
    )
    shell.run("hallmark", "promotion", "show", promotion, "-p", PROJECT, "--wait")


def next_release(release: Release, approver: str) -> None:
    """The same way again, with everything at hand."""
    shell = release.shell
    release.attach("cyclonedx", "build", "sbom-next.json")
    release.attach("test-result", "test", "junit.xml")
    for _ in ("dev", "qa"):
        shell.run("hallmark", "promote", release.name, "--wait")
    to_production(release, approver)


def verify_offline(release: Release) -> None:
    """Export the bundle, and verify it in a process that knows no server."""
    chapter("The bundle, verified in a process of its own with no server and no network")
    shell = release.shell
    shell.run("hallmark", "bundle", release.name, "--output", "release.zip")
    alone = Shell(shell.folder, {"HALLMARK_URL": "", "HALLMARK_TOKEN": "", "HALLMARK_DATA_DIR": "nowhere"})
    alone.run("hallmark", "verify", "bundle", "release.zip")


def stricter_tomorrow(past: Release, coming: Release, owner: str, granter: str) -> None:
    """A stricter draft is tried on what was decided; applied, it stops the next release until somebody answers."""
    shell = past.shell
    chapter("A verdict is given again, and a stricter policy is tried on history before it is applied")
    verdict = shell.json("explain", past.name)["verdict_id"]
    shell.run("hallmark", "replay", verdict, "-p", PROJECT)
    policy = (ROOT / "examples/policies/prod-entry.yaml").read_text()
    (shell.folder / "stricter.yaml").write_text(policy.replace("high: 0}", "high: 0, medium: 0, low: 0}"))
    shell.run("hallmark", "policy", "simulate", "stricter.yaml", "--since", "1d", expect=(DENIED,))
    shell.run("hallmark", "apply", "-f", "stricter.yaml")
    chapter("What it would stop may pass for a time, when one person asks for that and another one grants it")
    asked = Shell(shell.folder, {**shell.env, "HALLMARK_TOKEN": owner})
    # For the release before, too: a way back is judged as strictly as the way on.
    for artifact in (past.digest, coming.digest):
        waiver = asked.json(
            "waiver", "request", f"{PROJECT}/{APPLICATION}", "prod-entry/no-severe-vulnerabilities",
            "--stage", "prod", "--artifact", artifact, "--max-severity", "low", "--expires", "7d",
            "--reason", "findings of low severity, looked at one by one",
        )["waiver_id"]  # fmt: skip
        shell.run("hallmark", "waiver", "grant", waiver, "-p", PROJECT, show=False, HALLMARK_TOKEN=granter)
    shell.run("hallmark", "waiver", "list", "-p", PROJECT)


def _components(sbom: Path) -> dict[str, str]:
    """Names and versions in a bill of materials; names as PyPI compares them."""
    return {canonicalize_name(one["name"]): one["version"] for one in json.loads(sbom.read_text())["components"]}


def advisory_hits(shell: Shell, good: Release) -> None:
    """A drill advisory about a component that only the newer release has; then back to the good one."""
    before, components = (_components(shell.folder / file) for file in ("sbom.json", "sbom-next.json"))
    name = next(name for name in sorted(components) if name not in before)
    record = {
        "id": "DRILL-2026-0001",
        "modified": datetime.now(UTC).isoformat(),
        "summary": f"A drill: {name} up to {components[name]} is said to be vulnerable",
        "database_specific": {"severity": "HIGH"},
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": components[name]}]}],
            }
        ],
    }
    chapter(f"Afterwards: an advisory about {name} {components[name]}, which only the newer release contains")
    (shell.folder / "advisory.json").write_text(json.dumps(record))
    shell.run("hallmark", "advisory", "import", "advisory.json")
    shell.run("hallmark", "risk", "-p", PROJECT, expect=(DENIED,))
    chapter("Back to the release before, through the same gates, as they judge today")
    shell.run("hallmark", "rollback", good.name, "--reason", "DRILL-2026-0001", "--wait")
    shell.run("hallmark", "board", f"{PROJECT}/{APPLICATION}")
    shell.run("hallmark", "risk", "-p", PROJECT, "--all")


def commit_of(root: Path) -> tuple[str, str]:
    """The commit that is built and when it was made."""
    git = shutil.which("git") or "git"
    said = subprocess.run([git, "log", "-1", "--format=%H %cI"], cwd=root, capture_output=True, text=True, check=False)
    commit, _, committed_at = said.stdout.strip().partition(" ")
    return commit or "0" * 40, committed_at or datetime.now(UTC).isoformat()


@contextlib.contextmanager
def a_copy_with_version(version: str) -> Iterator[Path]:
    """The project's packages with another version number: the next build."""
    with tempfile.TemporaryDirectory(prefix="hallmark-demo-") as folder:
        copy = Path(folder)
        for part in ("contracts", "shared", "services", "deploy"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        text = (ROOT / "pyproject.toml").read_text().replace('version = "0.1.0"', f'version = "{version}"')
        (copy / "pyproject.toml").write_text(text)
        shutil.copy(ROOT / "README.md", copy / "README.md")
        yield copy


async def govern(stack: Stack, folder: Path) -> None:
    """The whole story."""
    admin = (folder / ".hallmark/secrets/admin-token").read_text().strip()
    shell = Shell(folder, {"HALLMARK_URL": stack.urls["gateway"], "HALLMARK_TOKEN": admin})
    chapter("Who may do what, and what every version must show")
    await asyncio.to_thread(prepare, shell)
    grant = f"{PROJECT}=contributor"
    pipeline = shell.json("token", "create", "demo-pipeline", "--kind", "pipeline", "--grant", grant)["token"]
    approver = shell.json("token", "create", "bob", "--grant", f"{PROJECT}=approver")["token"]
    owner = shell.json("token", "create", "otto", "--grant", f"{PROJECT}=contributor")["token"]
    granter = shell.json("token", "create", "grace", "--grant", f"{PROJECT}=security")["token"]
    chapter("A pipeline builds the project, takes stock of it, and says so")
    commit, committed_at = commit_of(ROOT)
    with a_copy_with_version("0.1.0") as source:
        first = Release(shell, "0.1.0", source)
        await asyncio.to_thread(first.build)
    await asyncio.to_thread(take_stock, shell)
    exchange = Shell(folder, {**shell.env, "HALLMARK_TOKEN": pipeline}).json("token", "exchange")["token"]
    await first.announce(stack, exchange)
    first.register(commit, committed_at)
    await asyncio.to_thread(first_release, first, approver)
    await asyncio.to_thread(verify_offline, first)
    chapter("The next release, built with everything that was in the developer's environment")
    with a_copy_with_version("0.1.1") as source:
        second = Release(shell, "0.1.1", source)
        await asyncio.to_thread(second.build)
    await second.announce(stack, exchange)
    second.register(commit, committed_at)
    await asyncio.to_thread(stricter_tomorrow, first, second, owner, granter)
    await asyncio.to_thread(next_release, second, approver)
    await asyncio.to_thread(advisory_hits, shell, first)
    chapter("The numbers")
    shell.run("hallmark", "metrics", "-p", PROJECT)
    shell.run("hallmark", "log", "checkpoint")


async def main() -> int:
    """Run the demo; 0 when everything went as it must."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hallmark-") as folder:
        path = Path(folder)
        try:
            async with running_stack(stack_options(path / ".hallmark")) as stack:
                console.print(
                    f"NATS, MongoDB, five services and the gateway are up after {time.monotonic() - began:.1f} s"
                )
                await govern(stack, path)
        except DemoFailedError as error:
            console.print(f"[red]{error}[/]", markup=True)
            return 1
    console.print(f"\nDone in {time.monotonic() - began:.0f} s. Nothing is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
