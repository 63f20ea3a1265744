"""The ID token of a GitHub Actions run: asked for when it is needed, and again shortly before it ends.

Source: docs.github.com, OpenID Connect reference, "Methods for requesting the OIDC token".
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Generator

import httpx

from services.cli.connection import GitHubRun
from shared.errors import Transient, Unauthenticated

RENEWED_BEFORE = 60.0
"""Seconds before its end at which a token is not used any more."""
_UNKNOWN_LIFE = 120.0


class RunToken(httpx.Auth):
    """Signs each request with a token that is in force."""

    requires_response_body = True

    def __init__(self, run: GitHubRun, clock: Callable[[], float] = time.time) -> None:
        self._run = run
        self._clock = clock
        self._token = ""
        self._until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Get a token where there is none in force. Raises `Unauthenticated` or `Transient` when GitHub gives none."""
        if self._clock() >= self._until - RENEWED_BEFORE:
            answer = yield self._request()
            self._token = _token_in(answer)
            self._until = _end_of(self._token) or self._clock() + _UNKNOWN_LIFE
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request

    def _request(self) -> httpx.Request:
        url = httpx.URL(self._run.request_url).copy_merge_params({"audience": self._run.audience})
        headers = {"authorization": f"Bearer {self._run.request_token}", "accept": "application/json"}
        return httpx.Request("GET", url, headers=headers)


def _token_in(answer: httpx.Response) -> str:
    if answer.is_server_error:
        raise Transient("run_token_unavailable", f"GitHub answered {answer.status_code} to the ask for an ID token.")
    try:
        token = answer.json()["value"] if answer.is_success else None
    except (ValueError, KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token:
        raise Unauthenticated(
            "run_token_refused",
            f"GitHub gave this run no ID token (status {answer.status_code}).",
            remedy="Give the job `permissions: id-token: write`, or set HALLMARK_TOKEN.",
        )
    return token


def _end_of(token: str) -> float | None:
    """When a token ends, as it says itself: good for renewing it, and for nothing else."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None
