"""One message, offered as one HTTP operation: the path names some of its fields, body or query hold the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, Signature, cleandoc
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Body, Header, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, create_model

from contracts import message as kinds
from services.gateway.asking import Asking
from services.gateway.auth import SignedIn
from services.gateway.derivation import may_be_absent, parameter, rest_of
from shared import tables

IdempotencyKey = Annotated[
    kinds.CommandId | None,
    Header(
        alias="Idempotency-Key",
        description="The same key from the same caller is the same request and gets the first outcome again.",
    ),
]

Accept = Annotated[str, Header(description="`text/csv` for a table; `format` wins over it.")]
Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
"""The heading and the rows."""
_NEXT = "hallmark-next"
"""The header of a table that says what to pass as `after` for its next page; percent-encoded: it may hold any text."""


def offer(
    router: APIRouter,
    operation: str,
    kind: type[kinds.Command | kinds.Query],
    *,
    status: int = 200,
    name: str = "",
    fixed: Mapping[str, Any] | None = None,
    table: Callable[[dict[str, Any]], Table] | None = None,
) -> None:
    """Answer `operation`, such as `GET /projects/{project}`, with what the service answers to a `kind`.

    `fixed` fields are the operation's meaning and cannot be sent. `name` tells apart operations with one message. A GET
    with a `table`, which is made of the answer, is answered as CSV to whoever wants that.
    Raises `KeyError` for a path that names a field the message does not have.
    """
    method, path = operation.split(" ")
    in_path = re.findall(r"{(\w+)}", path)
    constant = dict(fixed or {})
    operation_id = name or kind.__name__
    rest = rest_of(kind, name=operation_id, without={*in_path, *constant})
    if table and rest:
        rest = _with_format(rest)

    async def endpoint(asking: Asking, **given: Any) -> Response:
        fields = {**{field: given[field] for field in in_path}, **constant}
        sent: BaseModel | None = given.get("sent")
        if sent is not None:
            fields |= sent.model_dump(exclude_unset=True)
        wanted = fields.pop("format", None) if table else None
        if issubclass(kind, kinds.Command):
            fields["command_id"] = given["idempotency_key"] or uuid4().hex
        answer = await asking.ask(kind.model_validate(fields))
        if table and (wanted or _accepted(given["accept"])) == "csv":
            return _as_csv(answer, table(answer))
        return JSONResponse(answer, status)

    # FastAPI reads what an operation takes from the signature of its function.
    parameters = _parameters(kind, in_path, rest, in_body=method != "GET", tabled=table is not None)
    endpoint.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    first, _, more = cleandoc(kind.__doc__ or "").partition("\n")
    router.add_api_route(
        path,
        endpoint,
        methods=[method],
        response_model=kind.answer,
        status_code=status,
        operation_id=operation_id,
        responses={200: {"content": {tables.MEDIA_TYPE: {"schema": {"type": "string"}}}}} if table else None,
        summary=first,
        description=more.strip(),
    )


def _parameters(
    kind: type[kinds.Command | kinds.Query],
    in_path: list[str],
    rest: type[BaseModel] | None,
    *,
    in_body: bool,
    tabled: bool,
) -> list[Parameter]:
    found = [_keyword(field, parameter(kind, field, Path())) for field in in_path]
    found.append(_keyword("asking", SignedIn))
    if issubclass(kind, kinds.Command):
        found.append(_keyword("idempotency_key", IdempotencyKey, default=None))
    if rest:
        found.append(_sent(rest, in_body=in_body))
    if tabled:
        found.append(_keyword("accept", Accept, default=""))
    return found


def _with_format(rest: type[BaseModel]) -> type[BaseModel]:
    either: Any = Literal["json", "csv"] | None
    return create_model(rest.__name__, __base__=rest, __doc__=rest.__doc__, format=(either, None))


def _accepted(accept: str) -> str:
    """Which of the two forms is named first; JSON where neither is."""
    named = [one.partition(";")[0].strip().lower() for one in accept.split(",")]
    places = {form: named.index(form) for form in ("application/json", tables.MEDIA_TYPE) if form in named}
    return "csv" if min(places, key=lambda form: places[form], default="") == tables.MEDIA_TYPE else "json"


def _as_csv(answer: Mapping[str, Any], table: Table) -> Response:
    following = answer.get("next")
    headers = {_NEXT: quote(following, safe="")} if isinstance(following, str) else None
    return Response(tables.csv_text(*table), media_type=tables.MEDIA_TYPE, headers=headers)


def _sent(rest: type[BaseModel], *, in_body: bool) -> Parameter:
    # By the method, not by the kind: a query that brings a whole document along is asked with POST.
    if not in_body:
        return _keyword("sent", Annotated[rest, Query()])
    if may_be_absent(rest):
        return _keyword("sent", Annotated[rest | None, Body()], default=None)
    return _keyword("sent", Annotated[rest, Body()])


def _keyword(name: str, annotation: Any, *, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
