import json
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, FastAPI
from pydantic_core import PydanticSerializationError
from starlette.middleware import Middleware

from contracts.replies import Rejected, RejectionKind
from services.gateway.conversation import SECURITY_HEADERS, Conversation
from services.gateway.problems import answer_with_problems, status_of
from shared import errors
from shared.clock import utc_now
from shared.messaging.outcomes import raised_by


def application(raised: Exception | None = None) -> FastAPI:
    app = FastAPI(middleware=[Middleware(Conversation, clock=utc_now)])
    answer_with_problems(app)

    @app.post("/things")
    async def things(count: int, body: Annotated[dict[str, Any], Body()]) -> dict[str, int]:
        if raised:
            raise raised
        return {"count": count + len(body)}

    return app


async def ask(app: FastAPI, method: str = "POST", url: str = "/things?count=1", **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.request(method, url, **options)


async def test_a_body_that_is_nested_too_deeply_to_be_passed_on_is_refused() -> None:
    answer = await ask(application(PydanticSerializationError("depth exceeded")), json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "body_too_deep")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid("x_bad", "Bad."), 422),
        (errors.Unauthenticated("x_bad", "Bad."), 401),
        (errors.Forbidden("x_bad", "Bad."), 403),
        (errors.NotFound("x_bad", "Bad."), 404),
        (errors.Conflict("x_bad", "Bad."), 409),
        (errors.TooLarge("x_bad", "Bad."), 413),
        (errors.Transient("x_bad", "Bad."), 503),
        (errors.Conflict("command_id_reused", "Bad."), 422),
    ],
)
async def test_every_kind_of_error_has_its_status_and_says_what_to_do(error: errors.HallmarkError, status: int) -> None:
    error.remedy = "Do it well."
    answer = await ask(application(error), json={})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    correlation_id = answer.headers["hallmark-correlation-id"]
    assert problem == {
        "type": f"urn:hallmark:problem:{error.code}",
        "title": problem["title"],
        "status": status,
        "code": error.code,
        "detail": "Bad.",
        "remedy": "Do it well.",
        "instance": f"urn:hallmark:request:{correlation_id}",
    }
    assert ("retry-after" in answer.headers) == (status == 503)
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("kind", RejectionKind)
def test_whatever_a_service_rejects_is_the_callers_business(kind: RejectionKind) -> None:
    assert 400 <= status_of(raised_by(Rejected(kind=kind, code="x_bad", message="Bad."))) < 500


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe", b'{"a":' * 20_000, b'{"a": 1} trailing'],
    ids=["open", "none", "utf", "deep", "more"],
)
async def test_malformed_json_is_a_problem(body: bytes) -> None:
    answer = await ask(application(), content=body, headers={"content-type": "application/json"})
    assert answer.status_code == (422 if body == b"" else 400)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == ("request_invalid" if body == b"" else "body_malformed")


async def test_invalid_requests_name_each_place() -> None:
    problem = (await ask(application(), url="/things?count=many", json=[])).json()
    assert problem["code"] == "request_invalid"
    assert {place["where"] for place in problem["errors"]} == {"query/count", "body"}


async def test_unknown_paths_and_methods_are_problems_too() -> None:
    nowhere = await ask(application(), "GET", "/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "path_unknown")
    wrong = await ask(application(), "GET", "/things")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["allow"]) == (405, "method_not_allowed", "POST")


async def test_a_bug_is_answered_and_not_described() -> None:
    answer = await ask(application(ZeroDivisionError("secret of the house")), json={})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text


async def test_every_answer_carries_security_headers_and_the_callers_correlation_id() -> None:
    answer = await ask(application(), json={}, headers={"hallmark-correlation-id": "build-7"})
    assert json.loads(answer.text) == {"count": 1}
    assert answer.headers["hallmark-correlation-id"] == "build-7"
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "access-control-allow-origin" not in answer.headers
    forged = await ask(application(), json={}, headers={"hallmark-correlation-id": "a b{c}"})
    assert forged.headers["hallmark-correlation-id"] != "a b{c}"
