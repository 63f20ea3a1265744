"""An issuer of ID tokens: its keys, tokens as GitHub and GitLab make them, and its pages on a local TLS server."""

import asyncio
import base64
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Protocol

import jwt
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.oidc.fetching import KeyFetcher
from shared.oidc.issuer import Issuer
from tests.support.eventually import eventually

AUDIENCE = "https://hallmark.example"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """The same key for the same name, for one run of the tests."""
    assert name
    return rsa.generate_private_key(65537, 2048)


def encoded(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def github_claims(**more: Any) -> dict[str, Any]:
    """As in GitHub's reference: a push to the main branch of octo-org/octo-repo."""
    return {
        "sub": "repo:octo-org@65/octo-repo@74:ref:refs/heads/main",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "repository": "octo-org/octo-repo",
        "repository_id": "74",
        "repository_owner": "octo-org",
        "repository_owner_id": "65",
        "head_ref": "",
        "base_ref": "",
        "event_name": "push",
        "run_id": "4711",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "workflow_ref": "octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
    } | more


def gitlab_claims(**more: Any) -> dict[str, Any]:
    """As in GitLab's reference: a push to the protected main branch of my-group/my-project."""
    return {
        "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "runner_id": 1,
        "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}],
    } | more


@dataclass
class AnIssuer:
    """Makes tokens and publishes keys. What its pages say can be changed while it serves."""

    url: str = "https://issuer.example"
    keys: list[str] = field(default_factory=lambda: ["one"])
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for, in order."""
    pages: dict[str, Any] = field(default_factory=dict)
    """Other answers, by path: a response, or a function that makes one."""

    def issuer(self, **more: Any) -> Issuer:
        return Issuer(self.url, AUDIENCE, **more)

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        times = {"iss": self.url, "aud": AUDIENCE, "iat": now, "nbf": now - 5, "exp": now + 300, "jti": f"jti-{now}"}
        found = {**times, **github_claims(), **more}
        return {name: value for name, value in found.items() if value is not ...}

    def token(self, *, key: str = "one", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed token; a claim that is `...` is left out."""
        return self.signed(self.claims(**claims), key=key, headers=headers)

    def signed(self, claims: dict[str, Any], *, key: str = "one", headers: dict[str, Any] | None = None) -> str:
        header = {"typ": "JWT", "alg": "RS256", "kid": key} | (headers or {})
        signing = f"{encoded(header)}.{encoded(claims)}"
        signature = jwt.get_algorithm_by_name("RS256").sign(signing.encode(), rsa_key(key))
        return f"{signing}.{encoded(signature)}"

    def key_set(self) -> dict[str, Any]:
        return {"keys": [public_jwk(name) for name in self.keys]}

    def app(self) -> Starlette:
        async def answer(request: Request) -> Response:
            path = request.url.path
            self.asked.append(path)
            other = self.pages.get(path)
            if other is not None:
                found: Response = await other() if callable(other) and not isinstance(other, Response) else other
                return found
            if path.endswith("/.well-known/openid-configuration"):
                return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"})
            return JSONResponse(self.key_set()) if path == "/jwks" else Response(status_code=404)

        return Starlette(routes=[Route("/{path:path}", answer)])


def public_jwk(name: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = jwt.get_algorithm_by_name("RS256").to_jwk(rsa_key(name).public_key(), as_dict=True)
    return {**made, "kid": name, "use": "sig", "alg": "RS256"} | more


class Served(Protocol):
    """What has a URL and pages there."""

    url: str

    def app(self) -> Starlette: ...


@contextlib.asynccontextmanager
async def serving(issuer: Served, directory: Path) -> AsyncIterator[Path]:
    """The issuer's pages on a local TLS server, from now on its URL; the certificate to believe is yielded."""
    certificate = a_certificate(directory)
    listening = socket.create_server(("127.0.0.1", 0))
    issuer.url = f"https://localhost:{listening.getsockname()[1]}"
    tls: dict[str, Any] = {"ssl_certfile": str(certificate), "ssl_keyfile": str(directory / "tls.key")}
    server = uvicorn.Server(uvicorn.Config(issuer.app(), log_config=None, timeout_graceful_shutdown=1, **tls))
    task = asyncio.create_task(server.serve([listening]))

    async def started() -> bool:
        return server.started or task.done()

    await eventually(started)
    try:
        yield certificate
    finally:
        server.should_exit = True
        await task


def a_fetcher(certificate: Path, **more: Any) -> KeyFetcher:
    return KeyFetcher(LOOPBACK, ca_file=certificate, **more)


def a_certificate(directory: Path) -> Path:
    """A self-signed certificate for this machine, with its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "tls.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "tls.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path
