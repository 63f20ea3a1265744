"""Where the gateway is and who asks: command line, then environment, then the local stack in this folder.

Who asks: `HALLMARK_TOKEN`, else the ID token of a pipeline's run in `HALLMARK_OIDC_TOKEN`, else, where `HALLMARK_URL`
is set, the one that GitHub Actions gives its runs.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Invalid

URL, TOKEN = "HALLMARK_URL", "HALLMARK_TOKEN"
OIDC_TOKEN, OIDC_AUDIENCE = "HALLMARK_OIDC_TOKEN", "HALLMARK_OIDC_AUDIENCE"
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
DATA_DIR = "HALLMARK_DATA_DIR"


@dataclass(frozen=True)
class Setting:
    """One value and where it came from."""

    value: str
    origin: str


@dataclass(frozen=True)
class GitHubRun:
    """Where a run of GitHub Actions gets its ID token."""

    request_url: str
    request_token: str
    audience: str


def data_dir() -> Path:
    """Where a local stack keeps its data: `HALLMARK_DATA_DIR`, or `.hallmark` in the working folder."""
    return Path(os.environ.get(DATA_DIR, ".hallmark"))


def gateway_url() -> Setting:
    """The address of the gateway. Raises `Invalid` when nothing says where it is."""
    if url := os.environ.get(URL):
        return Setting(url.rstrip("/"), URL)
    state = data_dir() / "state.json"
    try:
        urls = json.loads(state.read_text())["urls"]
        return Setting(str(urls["gateway"]).rstrip("/"), str(state))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(
            "gateway_unknown",
            "No gateway is known: HALLMARK_URL is not set and no local stack runs in this folder.",
            remedy="Run `hallmark up` here, or set HALLMARK_URL and HALLMARK_TOKEN.",
        ) from error


def token() -> Setting:
    """The token to ask with. Raises `Invalid` when there is none."""
    for name in (TOKEN, OIDC_TOKEN):
        if value := os.environ.get(name):
            return Setting(value, name)
    if github_run():
        return Setting("GitHub's ID token", REQUEST_URL)
    path = data_dir() / "secrets" / "admin-token"
    try:
        return Setting(path.read_text().strip(), str(path))
    except OSError as error:
        raise Invalid(
            "token_unknown",
            "No token is known: HALLMARK_TOKEN is not set and no local stack was set up in this folder.",
            remedy="Set HALLMARK_TOKEN, or run `hallmark up` here.",
        ) from error


def github_run() -> GitHubRun | None:
    """The run that the command is part of, where it asks with that run's ID token: no other one is given."""
    given = os.environ.get(TOKEN) or os.environ.get(OIDC_TOKEN)
    gateway, url, token = (os.environ.get(name) for name in (URL, REQUEST_URL, REQUEST_TOKEN))
    if given or not (gateway and url and token):
        return None
    return GitHubRun(url, token, os.environ.get(OIDC_AUDIENCE) or gateway.rstrip("/"))
