"""Whatever bytes arrive, a reader of evidence answers or refuses with one of Hallmark's errors; it never does worse.

Sound documents are taken apart and put together wrongly, so that most attempts get past the first check. In the suite
this is short; `HALLMARK_FUZZ_SECONDS=120` spends so long on each reader, and prints how many documents it was given.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.evidence.unpacking import unpacked
from shared.crypto import cosignature, dsse, key_forms, keys, note, strict_json, tlog_proof
from shared.crypto.note_keys import parse_key, parse_witness_key
from shared.crypto.sigstore import authority
from shared.errors import HallmarkError
from shared.trust import signatures, statement
from shared.trust.verification import judge
from tests.support.sigstore import a_body, a_bundle, an_envelope
from tests.support.small_log import ORIGIN, SmallLog, WitnessOf
from tests.unit.evidence.test_sigstore import NOW, OURS, PAYLOAD, SIGNER, a_root

SECONDS = float(os.environ.get("HALLMARK_FUZZ_SECONDS", "0"))
EXAMPLES = 100
PATIENCE_SECONDS = 120
MOST_MEMORY = 200 * 2**20
UNPACKED_MOST = 2**20

KEY = keys.generate()
LOG, WITNESS = SmallLog(), WitnessOf()
STATE = WITNESS.cosign(LOG.grow(9).note)
PROOF = bytes(tlog_proof.TlogProof(3, LOG.inclusion(3, 9), STATE))
ENVELOPE = dsse.sign("application/vnd.in-toto+json", PAYLOAD, [KEY])
BUNDLES = [
    json.dumps(a_bundle({"dsseEnvelope": made}, [OURS.entry(a_body(*kind, made, SIGNER))], der=SIGNER.der)).encode()
    for made in [an_envelope(PAYLOAD, SIGNER.private)]
    for kind in [("dsse", "0.0.1"), ("intoto", "0.0.2")]
]
PEM = keys.public_pem(KEY.public_key()).encode()
DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
JWK = json.dumps(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }
).encode()
ROOT = a_root()


def text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """A reader of texts, for bytes that may be none."""
    return lambda data: read(data.decode("utf-8", "replace"))


async def _unpack(data: bytes) -> int:
    async def arriving() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100):
            yield data[start : start + 100]

    size = 0
    async for part in unpacked(arriving(), "gzip"):
        size += len(part)
        if size > UNPACKED_MOST:
            break
    return size


READERS: dict[str, tuple[Callable[[bytes], Any], list[bytes]]] = {
    "strict_json": (
        strict_json.loads,
        [ENVELOPE, PAYLOAD, JWK, b'[1e5,-0.0,"\\ud83d\\ude00",null,9223372036854775807]'],
    ),
    "dsse": (dsse.parse, [ENVELOPE]),
    "statement": (statement.parse, [PAYLOAD]),
    "evidence": (lambda data: signatures.read(strict_json.loads_object(data)), [ENVELOPE, *BUNDLES]),
    "judging": (lambda data: judge(data, (ROOT,), NOW), [ENVELOPE, *BUNDLES]),
    "authority": (text(authority.read), [OURS.trusted_root().encode()]),
    "note": (lambda data: note.verify(data, [LOG.key]), [STATE]),
    "checkpoint": (text(note.parse_checkpoint), [STATE.split(b"\n\n")[0] + b"\n"]),
    "signed checkpoint": (lambda data: note.verify_checkpoint(data, [LOG.key], origin=ORIGIN), [STATE]),
    "cosignature": (lambda data: cosignature.verify_cosignatures(data, [WITNESS.key]), [STATE]),
    "tlog_proof": (lambda data: _prove(tlog_proof.parse(data)), [PROOF]),
    "note key": (text(parse_key), [str(LOG.key).encode()]),
    "witness key": (text(parse_witness_key), [str(WITNESS.key).encode()]),
    "key_forms": (text(key_forms.read_public), [PEM, JWK]),
    "der": (key_forms.from_der, [DER]),
    "unpacking": (lambda data: asyncio.run(_unpack(data)), [gzip.compress(PAYLOAD), gzip.compress(bytes(2**16))]),
}


def _prove(proof: tlog_proof.TlogProof) -> Any:
    return tlog_proof.verify(proof, LOG.entries[3].data, [LOG.key], origin=ORIGIN, witnesses=[WITNESS.key], quorum=1)


@st.composite
def broken(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A sample with some places cut out, doubled, or overwritten by noise or by parts of other samples."""
    data = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        other = draw(st.sampled_from(samples))
        at = draw(st.integers(0, len(other)))
        put = draw(
            st.one_of(
                st.binary(max_size=12),
                st.sampled_from(
                    [b"", b'"', b"{}", b"[]", b"null", b"-1", b"1e999", b"\n\n", b"=", b"\xff", b"\\ud800"]
                ),
                st.just(other[at : at + 60]),
                st.just(data[start:end] * 2),
                st.integers(1, 3000).map(lambda times: b"[" * times),
            )
        )
        data = data[:start] + put + data[end:]
    return data


@contextmanager
def watched(seconds: float) -> Iterator[None]:
    """A hang, and memory without bounds, become failures."""

    def hangs(*_: object) -> Never:
        raise TimeoutError("it hangs")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    earlier = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_MEMORY


@pytest.mark.parametrize("name", READERS)
def test_a_reader_answers_or_refuses(name: str) -> None:
    read, samples = READERS[name]
    tried = refused = 0

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.one_of(broken(samples), st.binary(max_size=200)))
    def attempt(data: bytes) -> None:
        nonlocal tried, refused
        tried += 1
        try:
            read(data)
        except HallmarkError as error:
            refused += 1
            assert error.code  # noqa: PT017 - any of ours will do
            assert error.message  # noqa: PT017 - as above

    until = time.monotonic() + SECONDS
    with watched(PATIENCE_SECONDS + SECONDS):
        for sample in samples:
            read(sample)
        attempt()
        while time.monotonic() < until:
            attempt()
    assert refused, "nothing was broken"
    print(f"{name}: {tried} documents, {refused} refused")  # noqa: T201 - what a long run is for
