"""What a running system exports can be verified by somebody who has nothing but the file and the keys."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.stack import running_stack
from deploy.system import stack_options
from services.cli.main import app
from services.cli.verifier.verify import Trust, verify_bundle
from shared.crypto import dsse, keys, note, strict_json
from shared.digests import sha256_digest
from tests.support.bundles import edited, packed, unpacked
from tests.support.eventually import eventually
from tests.support.shop import Shop
from tests.support.sigstore import ISSUER, WORKFLOW, Instance, a_body, a_bundle, an_envelope

pytestmark = [pytest.mark.servers, pytest.mark.stack]
VERSION = "/projects/shop/applications/web/versions/1.0"


def certified(version: str, instance: Instance) -> bytes:
    """A statement about the artifact of a version by a workflow, as a Sigstore bundle."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": hashlib.sha256(version.encode()).hexdigest()}}],
        "predicateType": "https://example.com/built",
        "predicate": {},
    }
    signer = instance.certify()
    envelope = an_envelope(json.dumps(statement).encode(), signer.private)
    entry = instance.entry(a_body("dsse", "0.0.1", envelope, signer))
    return json.dumps(a_bundle({"dsseEnvelope": envelope}, [entry], der=signer.der)).encode()


async def vouched_for(shop: Shop, version: str) -> None:
    """A workflow that all projects believe says something about the version."""
    instance = Instance()
    identities = [{"issuer": ISSUER, "subject": WORKFLOW}]
    root = {"authority": instance.trusted_root(), "identities": identities, "predicate_types": ["*"], "role": "build"}
    await shop.ask("PUT", "/projects/platform", json={"title": "Platform"})
    await shop.ask("PUT", "/projects/platform/trust-roots/release", json={**root, "shared": True})
    path = "/projects/shop/evidence"
    answer = await shop.ask("POST", path, f"built-{version}", content=certified(version, instance))
    assert answer.json()["verified"], answer.text


async def the_key_is_rotated(shop: Shop) -> None:
    new = (await shop.ask("POST", "/log/keys/rotate")).json()["new"]

    async def in_force() -> list[str]:
        found: list[str] = (await shop.ask("GET", "/log/checkpoint")).json()["verifier_keys"]
        return found

    await eventually(in_force, lambda found: found[0] == new)


async def its_evidence_is_distrusted(shop: Shop) -> None:
    """The key that vouched for the evidence so far leaves its trust root."""
    stranger = keys.public_pem(keys.generate().public_key())
    root = {"keys": [stranger], "predicate_types": ["*"], "role": "test"}
    assert (await shop.ask("PUT", "/projects/shop/trust-roots/test", "again", json=root)).json()["rejudges"]

    async def distrusted() -> list[bool]:
        page = (await shop.ask("GET", "/projects/shop/evidence")).json()
        return [one["item"]["distrusted"] for one in page["evidence"]]

    await eventually(distrusted, lambda found: sorted(found) == [False, True])


async def test_a_bundle_of_a_running_system_verifies_with_keys_and_a_state_kept_from_before(tmp_path: Path) -> None:
    """After the bundle's facts, the log's key is rotated and the key behind the tests is distrusted."""
    options = stack_options(tmp_path / "data", usual_ports=False)
    secrets = tmp_path / "data/secrets"
    keys.save_private(keys.generate(), secrets / "next-signing.key")
    token = (secrets / "admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await shop.set_up()
        await shop.create("1.0")
        assert (await shop.promote("1.0", "dev"))["state"] == "completed"
        earlier = (await shop.ask("GET", "/log/checkpoint")).json()
        pem = (await shop.ask("GET", "/log/keys.pem")).text
        await vouched_for(shop, "1.0")
        moved = await shop.promote("1.0", "qa")
        assert moved["state"] == "completed"
        await the_key_is_rotated(shop)
        await its_evidence_is_distrusted(shop)
        since = f"since_size={earlier['size']}&since_root={earlier['root']}"
        data = (await shop.ask("GET", f"{VERSION}/bundle?{since}")).content
        path = f"/projects/shop/promotions/{moved['promotion_id']}/attestations"
        listed = (await shop.ask("GET", path)).json()["attestations"]
        attested = {form: (await shop.ask("GET", f"{path}/{form}")).content for form in ("vsa", "svr")}

    trust = Trust(log_keys=tuple(earlier["verifier_keys"]), signing_keys=(pem,), since=earlier["note"].encode())
    report = verify_bundle(data, trust)
    assert report.passed, report.as_json()
    assert "1 count, by their signatures; 1 are distrusted" in str(report.as_json())
    stranger_log = str(note.NoteKey(earlier["origin"], keys.generate().public_key()))
    assert not verify_bundle(data, Trust(log_keys=(stranger_log,))).passed
    files = unpacked(data)
    edited("verdicts/", lambda it: it.update(judged_at="2020-01-01T00:00:00Z"))(files)
    assert not verify_bundle(packed(files)).passed

    kept = tmp_path / "release.zip"
    kept.write_bytes(data)
    assert CliRunner().invoke(app, ["verify", "bundle", str(kept)]).exit_code == 0
    kept.write_bytes(packed(files))
    assert CliRunner().invoke(app, ["verify", "bundle", str(kept)]).exit_code == 3

    assert {sha256_digest(content) for content in attested.values()} == {one["content_digest"] for one in listed}
    for content in attested.values():
        envelope = dsse.parse(content)
        assert dsse.verify(envelope, [keys.load_public(pem)])
        subjects = strict_json.loads(envelope.payload)["subject"]
        assert hashlib.sha256(b"1.0").hexdigest() in {one["digest"]["sha256"] for one in subjects}
