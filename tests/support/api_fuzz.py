"""Requests made from the OpenAPI document, sound ones and broken ones, and what an answer must never be.

Schemathesis makes the requests and compares the answers with the document. The odd things that it does not think of,
and what this house promises beyond the document, stand here.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

PROBLEM = "application/problem+json"
ENDLESS = "/api/v1/stream"
"""Its answer does not end: no ordinary request can wait for it."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ODD_NAMES = (
    "%00",
    "%FF%FE",
    "%ED%A0%80",
    "%E2%80%AE%D7%A9",
    "%F0%9F%98%80" * 50,
    "a" * 5000,
    "..%2F..%2Fetc%2Fpasswd",
    "%24where",
    "-1",
    "9" * 400,
    "%7B%22%24ne%22%3Anull%7D",
    "%0D%0Ax:%20y",
)
ODD_BODIES = (
    b"{",
    b"\x00",
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"a":1,"a":2}',
    b'{"a":NaN}',
    b'{"a":1e999}',
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"a":18446744073709551616}',
    b'{"a":"\\ud800"}',
    b'{"' + b"k" * 200_000 + b'":1}',
    b'"' + b"x" * (9 * 2**20) + b'"',
)
_CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_PARAMETER = re.compile(r"\{(\w+)\}")


@schemathesis.serializer("application/x-ndjson")
def _as_lines(_: Any, value: Any) -> bytes:
    return str(value).encode(errors="replace")


@dataclass
class ApiFuzz:
    """Asks one running gateway; what was wrong with its answers gathers in `finds`, one line a kind."""

    url: str
    document: dict[str, Any]
    callers: Mapping[str, str]
    """Names of callers and their access tokens; no token is nobody."""
    known: Mapping[str, str]
    """Names that exist, by parameter."""
    examples: int
    seed: int
    finds: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def from_schema(self) -> None:
        """Sound and broken requests of each operation, as the document describes them."""
        schema = schemathesis.openapi.from_dict(self.document)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.path != ENDLESS:
                for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
                    self._generate(operation, mode)

    def _generate(self, operation: Any, mode: schemathesis.GenerationMode) -> None:
        broken = mode is schemathesis.GenerationMode.NEGATIVE
        checks = [*_CHECKS, negative_data_rejection] if broken else _CHECKS

        @seed(self.seed)
        @settings(
            max_examples=self.examples,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=operation.as_strategy(generation_mode=mode), who=st.sampled_from([*self.callers]), real=st.booleans()
        )
        def ask(case: Any, who: str, real: bool) -> None:
            if real and not broken:
                names = {name: value for name, value in self.known.items() if name in case.path_parameters}
                case.path_parameters = {**case.path_parameters, **names}
            answer = case.call(base_url=self.url, session=self.session, headers=self._headers(who), timeout=60)
            what = f"{operation.label} by {who}"
            self._look(what, answer.status_code, answer.headers["content-type"][0], answer.content)
            try:
                case.validate_response(answer, checks=checks)
            except FailureGroup as group:
                for failure in group.exceptions:
                    self._found(what, f"{failure.title}: {failure.message}\n{group}")

        ask()

    def odd(self) -> None:
        """Names and bodies that no schema describes."""
        chance = random.Random(self.seed)  # noqa: S311 - which of them is no secret
        for path, method, operation in self._operations():
            media_types = [*operation.get("requestBody", {}).get("content", {})]
            for name in chance.sample(ODD_NAMES, min(self.examples, len(ODD_NAMES))):
                for parameter in (one for one in operation.get("parameters", ()) if one["in"] == "path"):
                    address = self._address(path, **{parameter["name"]: name})
                    # Where any text may be an id, an unknown one may have an empty list.
                    self._refused(method, address, chance, mildly="pattern" not in parameter["schema"])
                for query in (one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"):
                    self.send(method, f"{self._address(path)}?{query}={name}", chance.choice([*self.callers]))
            for body in chance.sample(ODD_BODIES, min(self.examples, len(ODD_BODIES))) if media_types else ():
                kind = {"content-type": media_types[0]}
                self._refused(
                    method, self._address(path), chance, body=body, headers=kind, mildly="ndjson" in media_types[0]
                )

    def _refused(self, method: str, address: str, chance: random.Random, *, mildly: bool = False, **sent: Any) -> None:
        who = chance.choice([*self.callers])
        status = self.send(method, address, who, **sent)
        if not 400 <= status < 500 and not mildly:  # A batch tells of each line by itself.
            self._found(f"{method} {address[:200]} by {who}", f"{status} for {str(sent)[:200]}")

    def other_methods(self) -> None:
        """Methods that a path does not have: 405, and which it has."""
        for path in self.document["paths"]:
            address = self._address(path)
            has = self._methods_of(address)
            for method in (one for one in METHODS if one not in has):
                answer = self.session.request(method, self.url + address, headers=self._headers("admin"), timeout=60)
                self._look(
                    f"{method} {path}", answer.status_code, answer.headers.get("content-type", ""), answer.content
                )
                said = {one.strip() for one in answer.headers.get("allow", "").split(",")}
                if (answer.status_code, said) != (405, has):
                    self._found(f"{method} {path}", f"{answer.status_code} and {said} where there are {has}")

    def _methods_of(self, address: str) -> set[str]:
        """All methods that lead anywhere: an address may be one of several paths, such as `/tokens/exchange`."""
        patterns = ((_PARAMETER.sub("[^/]+", path), of) for path, of in self.document["paths"].items())
        return {method.upper() for pattern, of in patterns if re.fullmatch(pattern, address) for method in of}

    def send(self, method: str, address: str, who: str, *, body: bytes | None = None, headers: Any = None) -> int:
        """One request exactly as written; the status of its answer, which is looked at."""
        request = requests.Request(method, self.url, headers={**self._headers(who), **(headers or {})}, data=body)
        prepared = self.session.prepare_request(request)
        prepared.url = self.url + address  # As it is: preparing would correct it.
        answer = self.session.send(prepared, timeout=60, allow_redirects=False, stream=ENDLESS in address)
        kind = answer.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            self._look(f"{method} {address[:200]} by {who}", answer.status_code, kind, answer.content)
        answer.close()
        return answer.status_code

    def _operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        paths = self.document["paths"].items()
        return chain.from_iterable(((path, method.upper(), one) for method, one in of.items()) for path, of in paths)

    def _address(self, path: str, **names: str) -> str:
        return _PARAMETER.sub(lambda found: names.get(found[1], self.known.get(found[1], "x")), path)

    def _headers(self, who: str) -> dict[str, str]:
        token = self.callers[who]
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _look(self, what: str, status: int, kind: str, content: bytes) -> None:
        self.asked += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status < 400:
            return
        if kind != PROBLEM:
            self._found(what, f"{status} as {kind}: {content[:300]!r}")
        elif content:
            self._look_at_problem(what, status, content)

    def _look_at_problem(self, what: str, status: int, content: bytes) -> None:
        problem = json.loads(content)
        if status >= 500 and (status != 503 or problem["code"] == "internal_error"):
            self._found(what, f"server error: {problem}")
        if not (problem["code"] and problem["detail"] and problem.get("remedy")):
            self._found(what, f"no code, sentence or remedy: {problem}")

    def _found(self, what: str, problem: str) -> None:
        place = f"{re.sub(r'[0-9a-f]{8,}', '*', what)[:120]}: {problem[:60]}"
        self.finds.setdefault(place, f"{what}: {problem[:1500]}")
