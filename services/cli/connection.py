"""Where the gateway is and who asks: command line, then environment, then the local stack in this folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Invalid

URL, TOKEN = "HALLMARK_URL", "HALLMARK_TOKEN"
DATA_DIR = "HALLMARK_DATA_DIR"


@dataclass(frozen=True)
class Setting:
    """One value and where it came from."""

    value: str
    origin: str


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
    if value := os.environ.get(TOKEN):
        return Setting(value, TOKEN)
    path = data_dir() / "secrets" / "admin-token"
    try:
        return Setting(path.read_text().strip(), str(path))
    except OSError as error:
        raise Invalid(
            "token_unknown",
            "No token is known: HALLMARK_TOKEN is not set and no local stack was set up in this folder.",
            remedy="Set HALLMARK_TOKEN, or run `hallmark up` here.",
        ) from error
