"""What a running system exports can be verified by somebody who has nothing but the file and the keys."""

import hashlib
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
from tests.support.shop import Shop

pytestmark = [pytest.mark.servers, pytest.mark.stack]
VERSION = "/projects/shop/applications/web/versions/1.0"


async def test_a_bundle_of_a_running_system_verifies_with_keys_and_a_state_kept_from_before(tmp_path: Path) -> None:
    options = stack_options(tmp_path / "data")
    token = (tmp_path / "data/secrets/admin-token").read_text().strip()
    async with running_stack(options) as stack, Shop(stack, token) as shop:
        await shop.set_up()
        await shop.create("1.0")
        assert (await shop.promote("1.0", "dev"))["state"] == "completed"
        earlier = (await shop.ask("GET", "/log/checkpoint")).json()
        # The key that vouched for the evidence so far leaves its trust root: what it vouched for stays explained.
        stranger = keys.generate().public_key()
        root = {"keys": [keys.public_pem(stranger)], "predicate_types": ["*"], "role": "test"}
        moved = await shop.promote("1.0", "qa")
        assert moved["state"] == "completed"
        await shop.ask("PUT", "/projects/shop/trust-roots/test", "again", json=root)
        since = f"since_size={earlier['size']}&since_root={earlier['root']}"
        data = (await shop.ask("GET", f"{VERSION}/bundle?{since}")).content
        checkpoint = (await shop.ask("GET", "/log/checkpoint")).json()
        pem = (await shop.ask("GET", "/log/keys.pem")).text
        path = f"/projects/shop/promotions/{moved['promotion_id']}/attestations"
        listed = (await shop.ask("GET", path)).json()["attestations"]
        attested = {form: (await shop.ask("GET", f"{path}/{form}")).content for form in ("vsa", "svr")}

    trust = Trust(log_keys=tuple(checkpoint["verifier_keys"]), signing_keys=(pem,), since=earlier["note"].encode())
    report = verify_bundle(data, trust)
    assert report.passed, report.as_json()
    assert "1 count, by their signatures" in str(report.as_json())
    stranger_log = str(note.NoteKey(checkpoint["origin"], stranger))  # type: ignore[arg-type]
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
