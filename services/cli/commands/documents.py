"""`apply` and `diff`: everything that can live in git as YAML.

- Test cases of policies lie beside them and are nobody's business here: they are passed over.
- Policies are compared in their normal form: what is only spelt otherwise, or is a default, is no difference. Modules
  of templates are written in, so that a template that changed shows in the policies that name it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape

from contracts.vocabulary import Utc
from services.cli.client import Client
from services.cli.commands.sla import sla_body
from services.cli.differing import changed_lines, difference
from services.cli.exits import Exit
from services.cli.output import mark, out, table
from services.cli.policies.folders import API_VERSION, TEST_KIND, is_test_file
from services.cli.policies.written import in_case
from shared.errors import Invalid, NotFound, Rejection
from shared.policy.policy import read_policy
from shared.policy.template import RuleTemplate, read_template, resolved, templates_named
from shared.yaml_reading import read_yaml_file, yaml_files

_TIME = TypeAdapter(Utc)
Files = Annotated[
    list[Path], typer.Option("--file", "-f", help="A YAML file, or a folder of them.", exists=True, readable=True)
]


class Document(NamedTuple):
    """One YAML document."""

    origin: str
    kind: str
    project: str
    name: str
    spec: dict[str, Any]
    whole: dict[str, Any]


class Kind(NamedTuple):
    """How one kind of document reaches the API."""

    path: Callable[[Document], str]
    body: Callable[[Document], dict[str, Any]]
    order: int
    """Projects before what they hold."""


def _camel_to_snake(spec: dict[str, Any]) -> dict[str, Any]:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): value for key, value in spec.items()}


def _trust_root(document: Document) -> dict[str, Any]:
    spec = _camel_to_snake(document.spec)
    return {**spec, "keys": [key["pem"] if isinstance(key, dict) else key for key in spec.get("keys", [])]}


def _freeze(document: Document) -> dict[str, Any]:
    spec = _camel_to_snake(document.spec)
    for key in {"windows", "recurring"} & spec.keys():
        spec[key] = [_camel_to_snake(one) for one in spec[key]]
    for window in spec.get("windows", []):
        window |= {name: _moment(window[name]) for name in {"starts_at", "ends_at"} & window.keys()}
    return spec


def _moment(value: Any) -> Any:
    """A time as the API writes it, so that the same one is no difference."""
    try:
        return _TIME.dump_python(_TIME.validate_python(value), mode="json")
    except ValidationError:  # The service refuses it, with its place.
        return value


KINDS: dict[str, Kind] = {
    "Project": Kind(lambda d: f"/projects/{d.name}", lambda d: _camel_to_snake(d.spec), 0),
    "Lifecycle": Kind(lambda d: f"/projects/{d.project}/lifecycles/{d.name}", lambda d: _camel_to_snake(d.spec), 1),
    "Application": Kind(lambda d: f"/projects/{d.project}/applications/{d.name}", lambda d: _camel_to_snake(d.spec), 2),
    "TrustRoot": Kind(lambda d: f"/projects/{d.project}/trust-roots/{d.name}", _trust_root, 3),
    "PipelineIdentity": Kind(
        lambda d: f"/projects/{d.project}/pipeline-identities/{d.name}", lambda d: _camel_to_snake(d.spec), 3
    ),
    "RuleTemplate": Kind(
        lambda d: f"/projects/{d.project}/rule-templates/{d.name}", lambda d: {"document": d.whole}, 4
    ),
    "Policy": Kind(lambda d: f"/projects/{d.project}/policies/{d.name}", lambda d: {"document": d.whole}, 5),
    "SlaTable": Kind(lambda d: f"/projects/{d.project}/sla", lambda d: sla_body(d.spec), 6),
    "Freeze": Kind(lambda d: f"/projects/{d.project}/freezes/{d.name}", _freeze, 6),
}
_LISTED = {"TrustRoot": "trust_root", "Freeze": "freeze"}
"""Kinds that are only listed, with the name of one in its list."""
_IN_NORMAL_FORM = ("RuleTemplate", "Policy")
"""Kinds that are compared with every default written out."""


def read_documents(paths: list[Path]) -> list[Document]:
    """Every document in these files and folders, in the order to apply them. Raises `Invalid` with the place."""
    files = [file for path in paths for file in yaml_files(path) if not is_test_file(file)]
    documents = [document for file in files for document in _in_file(file)]
    return sorted(documents, key=lambda document: KINDS[document.kind].order)


def _in_file(file: Path) -> Iterator[Document]:
    for number, document in enumerate(read_yaml_file(file), start=1):
        if document is not None and not (isinstance(document, dict) and document.get("kind") == TEST_KIND):
            yield document_from(f"{file} (document {number})", document)


def document_from(origin: str, document: Any) -> Document:
    """One parsed document that says enough to be applied. Raises `Invalid` with the place."""
    if not isinstance(document, dict) or document.get("apiVersion") != API_VERSION:
        raise Invalid(
            "document_malformed",
            f"{origin} is no {API_VERSION} document.",
            remedy=f"Begin it with apiVersion: {API_VERSION}.",
        )
    kind, metadata = document.get("kind"), document.get("metadata") or {}
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(KINDS)}."
        raise Invalid("document_kind_unknown", f"{origin} has kind {kind!r}.", remedy=hint)
    name = metadata.get("name")
    project = name if kind == "Project" else metadata.get("project")
    if not name or not project:
        raise Invalid("document_malformed", f"{origin} lacks metadata.name or metadata.project.", remedy="Name both.")
    return Document(origin, kind, project, name, document.get("spec") or {}, document)


def apply(files: Files) -> None:
    """Apply documents: projects, lifecycles, applications, trust roots, pipelines, templates, policies, freezes, SLAs.

    Repeating it changes nothing.
    """
    client = Client()
    documents = read_documents(files)
    applied: list[dict[str, Any]] = []
    for document in documents:
        kind = KINDS[document.kind]
        answer = client.put(kind.path(document), kind.body(document))
        applied.append({"kind": document.kind, "project": document.project, **answer, "name": document.name})
    rows = [(one["kind"], one["project"], one["name"], one["change"], one["revision"]) for one in applied]
    again = [line for document, one in zip(documents, applied, strict=True) for line in _back(client, document, one)]
    rejudged = [
        f"{one['name']}: {one['rejudges']} pieces of evidence are judged again"
        for one in applied
        if one.get("rejudges")
    ]
    out.answer(applied, table(("kind", "project", "name", "change", "revision"), rows), *rejudged, *again)


def _back(client: Client, document: Document, applied: dict[str, Any]) -> list[str]:
    """Whether an updated policy says again what an earlier revision said."""
    if document.kind != "Policy" or applied["change"] != "updated":
        return []
    path = f"{KINDS['Policy'].path(document)}/revisions"
    try:
        revisions = list(client.pages(path, "revisions"))
    except Rejection:  # It has been taken over; whether it is known from before is only news.
        return []
    same = [one["revision"] for one in revisions if one["digest"] == applied["digest"]]
    earlier = [number for number in same if number < applied["revision"]]
    return [f"{document.name}: revision {max(earlier)} comes back"] if earlier else []


def diff(files: Files) -> None:
    """Show what `apply` would change. Ends with 3 when something would."""
    client = Client()
    changes = []
    documents = read_documents(files)
    for document in documents:
        wanted = _wanted(document, documents, client)
        try:
            there = _comparable(document, client)
        except NotFound:
            changes.append({"kind": document.kind, "name": document.name, "change": "create", "lines": []})
            continue
        lines = changed_lines(there, wanted) if document.kind in _IN_NORMAL_FORM else difference(there, wanted)
        if lines:
            changes.append({"kind": document.kind, "name": document.name, "change": "update", "lines": lines})
    people = [f"{one['change']} {one['kind']} {one['name']}\n" + escape("\n".join(one["lines"])) for one in changes]
    out.answer(changes, *(people or [f"{mark('allow')} nothing would change"]))
    if changes:
        raise typer.Exit(Exit.DENIED)


def _wanted(document: Document, documents: list[Document], client: Client) -> dict[str, Any]:
    """What is compared with `_comparable`. Raises `Invalid` for a policy or template that would be refused."""
    if document.kind not in _IN_NORMAL_FORM:
        return KINDS[document.kind].body(document)
    try:
        if document.kind == "RuleTemplate":
            return {**read_template(document.whole).normal_form()}
        whole = resolved(document.whole, _templates(document, documents, client))
        return {**read_policy(whole).normal_form()}
    except Invalid as error:
        raise in_case(error, document.origin) from error


def _templates(policy: Document, documents: list[Document], client: Client) -> dict[str, RuleTemplate]:
    """The templates that a policy names, as they are once the documents beside it are applied."""
    beside = {(one.project, one.name): one.whole for one in documents if one.kind == "RuleTemplate"}
    found = {}
    for name in sorted(templates_named(policy.whole)):
        whole = beside.get((policy.project, name))
        if whole is None:
            whole = client.get(f"/projects/{policy.project}/rule-templates/{name}")["document"]
        found[name] = read_template(whole)
    return found


def _comparable(document: Document, client: Client) -> dict[str, Any]:
    """The document as the system has it. Raises `NotFound` when it does not exist yet."""
    match document.kind:
        case "Lifecycle":
            project = client.get(f"/projects/{document.project}")
            for one in project["lifecycles"]:
                if one["lifecycle"] == document.name:
                    return dict(one)
            raise NotFound("lifecycle_unknown", f"There is no lifecycle {document.name}.")
        case "TrustRoot" | "Freeze":
            return _listed(document, client)
        case "RuleTemplate":
            return dict(client.get(KINDS["RuleTemplate"].path(document))["document"])
        case "Policy":
            there = client.get(KINDS["Policy"].path(document))["document"]
            try:
                return {**read_policy(there).normal_form()}
            except Invalid:  # Applied by a newer Hallmark, it is compared as it is.
                return dict(there)
        case _:
            return dict(client.get(KINDS[document.kind].path(document)))


def _listed(document: Document, client: Client) -> dict[str, Any]:
    noun = _LISTED[document.kind]
    for one in client.get(KINDS[document.kind].path(document).rpartition("/")[0])[f"{noun}s"]:
        if one[noun] == document.name:
            return dict(one)
    raise NotFound(f"{noun}_unknown", f"There is no {noun.replace('_', ' ')} {document.name}.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(apply)
    app.command()(diff)
