"""Evidence: make a signed statement out of a tool's output, hand it in, look at what is on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from defusedxml import ElementTree

from services.cli.client import Client
from services.cli.commands.arguments import Project, version_ref
from services.cli.commands.attach import attach
from services.cli.output import mark, out, table
from shared.crypto import dsse, keys
from shared.digests import sha256_digest
from shared.errors import Invalid

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SHORT_NAMES = {
    "cyclonedx": "https://cyclonedx.org/bom",
    "spdx": "https://spdx.dev/Document",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "vulns": "https://in-toto.io/attestation/vulns/v0.2",
    "provenance": "https://slsa.dev/provenance/v1",
}
_SHOWN_FAILURES = 200
evidence = typer.Typer(help="Signed statements about artifacts.", no_args_is_help=True)


@evidence.command("sign")
def sign(
    predicate: Annotated[Path, typer.Argument(help="What the tool wrote: JSON, or JUnit XML for tests.", exists=True)],
    subject: Annotated[list[str], typer.Option("--subject", "-s", help="NAME=sha256:HEX; repeat it.")],
    predicate_type: Annotated[
        str, typer.Option("--type", "-t", help=f"{', '.join(SHORT_NAMES)}, or a predicate type URI.")
    ],
    key: Annotated[Path, typer.Option("--key", "-k", help="Private key, PEM.", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the envelope goes.")],
) -> None:
    """Wrap a tool's output in an in-toto statement about artifacts and sign it (DSSE)."""
    content = _predicate(predicate, predicate_type)
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(text) for text in subject],
        "predicateType": SHORT_NAMES.get(predicate_type, predicate_type),
        "predicate": content,
    }
    payload = json.dumps(statement, separators=(",", ":"), ensure_ascii=False).encode()
    output.write_bytes(dsse.sign(PAYLOAD_TYPE, payload, [keys.read_private(key)]))
    out.answer({"envelope": str(output)}, f"{output} is signed")


@evidence.command("list")
def list_evidence(
    project: Project,
    version: Annotated[str | None, typer.Option(help="Only about this project/application/version.")] = None,
) -> None:
    """What is on record, newest first."""
    path = f"{version_ref(version).path}/evidence" if version else f"/projects/{project}/evidence"
    found = list(Client().pages(path, "evidence"))
    rows = [_row(one) for one in found]
    out.answer(found, table(("evidence", "kind", "counts", "signed as", "received", "log"), rows))


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    item = one["item"]
    signed_as = ", ".join(_role(signer) for signer in item["signers"])
    words = "\n".join(part for part in (signed_as, item["problem"]) if part)
    return (item["evidence_id"], item["facts"]["kind"], _counts(item), words, item["received_at"], one["log_index"])


def _counts(item: dict[str, Any]) -> str:
    if item["distrusted"]:
        return mark("distrusted")
    return mark("allow" if item["verified"] else "deny")


def _role(signer: dict[str, Any]) -> str:
    return f"{signer['role']} (distrusted)" if signer["distrusted"] else str(signer["role"])


@evidence.command("show")
def show(evidence_id: Annotated[str, typer.Argument()], project: Project) -> None:
    """One piece of evidence: what it says, who signed it, what it counts for now and counted for before."""
    one = Client().get(f"/projects/{project}/evidence/{evidence_id}")
    item = one["item"]
    signers = [(_role(signer), signer["trust_root"], signer["key_id"]) for signer in item["signers"]]
    before = [
        (was["until"], _counts(was), was["problem"], f"{was['trust_root']} (revision {was['trust_root_revision']})")
        for was in one["history"]
    ]
    out.answer(
        one,
        table(("evidence", "kind", "counts", "signed as", "received", "log"), [_row(one)]),
        table(("type", "about"), [(item["predicate_type"], "\n".join(item["subjects"]))]),
        table(("signed as", "trust root", "key"), signers),
        *([table(("until", "counted", "problem", "ended by trust root"), before)] if before else []),
    )


def _subject(text: str) -> dict[str, Any]:
    name, _, digest = text.rpartition("=")
    algorithm, _, value = digest.partition(":")
    if not value:
        raise Invalid("subject_malformed", f"{text!r} is no subject.", remedy="Write NAME=sha256:HEX.")
    return {"name": name or value[:12], "digest": {algorithm: value}}


def _predicate(path: Path, predicate_type: str) -> Any:
    data = path.read_bytes()
    if data.lstrip()[:1] == b"<":
        if SHORT_NAMES.get(predicate_type, predicate_type) != SHORT_NAMES["test-result"]:
            raise Invalid("predicate_unreadable", f"{path} is XML.", remedy="Only JUnit results may be XML.")
        return junit_predicate(data, path.name)
    try:
        content = json.loads(data)
        return bandit_predicate(content) if _is_bandit(content) else content
    except ValueError as error:
        raise Invalid("predicate_unreadable", f"{path} is not JSON: {error}.", remedy="Hand in JSON.") from error


def _is_bandit(content: Any) -> bool:
    return isinstance(content, dict) and {"generated_at", "metrics", "results"} <= content.keys()


def bandit_predicate(report: dict[str, Any]) -> dict[str, Any]:
    """A report of the code scanner Bandit as an in-toto vulns predicate: one result per finding."""
    results = [
        {
            "id": f"{one['test_id']}:{one['filename'].rsplit('/', 1)[-1]}:{one['line_number']}",
            "severity": [{"method": "bandit", "score": one["issue_severity"]}],
        }
        for one in report["results"]
    ]
    at = report["generated_at"]
    return {
        "scanner": {"uri": "pkg:pypi/bandit", "db": {"lastUpdate": at}, "result": results},
        "metadata": {"scanStartedOn": at, "scanFinishedOn": at},
    }


def junit_predicate(data: bytes, name: str) -> dict[str, Any]:
    """A JUnit result as an in-toto test-result predicate. Raises `Invalid` for other XML.

    A suite without a single test case is refused: nothing was tested, and that is no pass.
    """
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise Invalid("predicate_unreadable", f"{name} is not XML: {error}.", remedy="Hand in JUnit XML.") from error
    passed: list[str] = []
    failed: list[str] = []
    skipped: list[str] = []
    for case in root.iter("testcase"):
        full_name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        states = {child.tag for child in case}
        (failed if states & {"failure", "error"} else skipped if "skipped" in states else passed).append(full_name)
    if not passed and not failed:
        raise Invalid("tests_absent", f"{name} has no test that ran.", remedy="Hand in a result with test cases.")
    return {
        "result": "FAILED" if failed else "PASSED",
        "configuration": [{"name": name, "digest": {"sha256": sha256_digest(data).removeprefix("sha256:")}}],
        "passedTests": passed,
        "failedTests": failed[:_SHOWN_FAILURES],
        "warnedTests": [],
        "skippedTests": skipped[:_SHOWN_FAILURES],
    }


def register(app: typer.Typer) -> None:
    """Add the commands."""
    evidence.command("attach")(attach)
    app.add_typer(evidence, name="evidence")
