"""HTTP to receivers: connections go to what was checked, and nowhere else."""

import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.gateway.webhooks.destinations import Rules
from services.gateway.webhooks.transport import Courier, PinnedTransport, look_up, trusted_authorities
from shared.oidc.addresses import read_networks
from tests.support.receiver import DRIP, FLOOD, HANG, Receiver, a_receiver

HERE = Rules(read_networks("127.0.0.0/8"), frozenset({"hooks.test", "127.0.0.1"}), None)
Resolve = Callable[[str, int], Awaitable[list[str]]]


def answering(*answers: list[str]) -> tuple[Resolve, list[str]]:
    """A name server that answers these in turn, the last one for ever; and what it was asked."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


async def post(
    url: str, resolve: Resolve, rules: Rules = HERE, *, trusted: ssl.SSLContext | None = None, seconds: float = 5.0
) -> tuple[int | None, str]:
    courier = Courier(PinnedTransport(rules, resolve, trusted or trusted_authorities(None)), seconds)
    try:
        status, problem, _ = await courier.post(url, {"content-type": "application/json"}, b"{}")
    finally:
        await courier.close()
    return status, problem


def named(receiver: Receiver, scheme: str = "http") -> str:
    return f"{scheme}://hooks.test:{receiver.port}/hook"


async def test_60_a_name_is_resolved_once_and_the_checked_address_is_connected_to() -> None:
    resolve, asked = answering(["127.0.0.1"], ["127.0.0.99"])
    async with a_receiver() as receiver:
        assert await post(named(receiver), resolve) == (204, "")
        assert asked == ["hooks.test"]
        assert receiver.received[0].headers["host"] == f"hooks.test:{receiver.port}", "the name is still said"


async def test_60_a_name_that_changes_its_mind_is_refused_at_the_next_connection() -> None:
    """DNS rebinding: public when it was registered, inside when it is sent to."""
    resolve, _ = answering(["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "169.254.169.254"], ["::1"], [])
    async with a_receiver() as receiver:
        assert (await post(named(receiver), resolve))[0] == 204
        for _ in range(4):
            status, problem = await post(named(receiver), resolve)
            assert status is None
            assert problem.startswith("The URL cannot be sent to")
        assert len(receiver.received) == 1


async def test_60_redirects_are_not_followed() -> None:
    resolve, asked = answering(["127.0.0.1"])
    async with a_receiver(307) as receiver:
        receiver.headers = f"location: http://127.0.0.1:{receiver.port}/inside\r\n"
        assert await post(named(receiver), resolve) == (307, "answered 307")
        assert len(receiver.received) == len(asked) == 1


async def test_60_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, _ = answering(["127.0.0.1"])
    async with a_receiver() as receiver, a_receiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await post(named(receiver), resolve))[0] == 204
        assert proxy.received == []


@pytest.mark.parametrize("behaviour", [HANG, DRIP])
async def test_41_there_is_one_time_limit_for_everything(behaviour: str) -> None:
    resolve, _ = answering(["127.0.0.1"])
    async with a_receiver(behaviour) as receiver:
        status, problem = await post(named(receiver), resolve, seconds=0.3)
        assert (status, problem) == (None, "no complete answer within 0.3 s")


async def test_of_an_answer_without_end_the_beginning_is_read() -> None:
    resolve, _ = answering(["127.0.0.1"])
    async with a_receiver(FLOOD) as receiver:
        assert await post(named(receiver), resolve) == (200, "")


async def test_a_receiver_that_is_not_there_is_a_problem_in_words() -> None:
    resolve, _ = answering(["127.0.0.1"])
    assert await post("http://hooks.test:1/x?secret=canary", resolve) == (
        None,
        "it could not be reached (ConnectError)",
    )

    async def nobody(*_: object) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert await post("http://hooks.test/", nobody) == (None, "the host is unknown")


async def test_names_are_looked_up_as_the_operating_system_does() -> None:
    assert await look_up("127.0.0.1", 80) == ["127.0.0.1"]
    assert await look_up("::1", 80) == ["::1"]
    for unknown in ("x" * 300, "a..b"):
        with pytest.raises(OSError, match="label"):
            await look_up(unknown, 80)


def certificates(directory: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """An authority, and a server with a certificate of it for that name."""
    now = datetime.now(UTC)

    def certificate(
        subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=key is by, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        )
        return builder.sign(by, hashes.SHA256())

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = certificate("authority", authority_key, "authority", authority_key)
    server = certificate(name, key, "authority", authority_key)
    (directory / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    chain = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return directory / "ca.pem", context


async def test_tls_says_and_checks_the_name_although_the_address_is_connected_to(tmp_path: Path) -> None:
    authority, tls = certificates(tmp_path, "hooks.test")
    said: list[str | None] = []
    tls.sni_callback = lambda _, name, __: said.append(name)
    resolve, _ = answering(["127.0.0.1"])
    trusted = trusted_authorities(authority)
    async with a_receiver(tls=tls) as receiver:
        assert await post(named(receiver, "https"), resolve, trusted=trusted) == (204, "")
        assert said == ["hooks.test"]
        other = f"https://other.test:{receiver.port}/"
        assert await post(other, resolve, trusted=trusted) == (None, "its certificate is not believed")
        assert await post(named(receiver, "https"), resolve) == (None, "its certificate is not believed")
        assert len(receiver.received) == 1
