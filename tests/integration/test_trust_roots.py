"""Trust roots on a real NATS and a real MongoDB: authorities with identities, and roots that all projects share."""

import json
from pathlib import Path

import pytest

from contracts.answers import Applied
from contracts.evidence.v1 import queries, views
from contracts.evidence.v1.commands import ApplyTrustRoot, Receipt, SubmitEvidence
from contracts.evidence.v1.identities import TrustedIdentity
from contracts.vocabulary import Role
from services.evidence.app import SERVICE
from shared.crypto import dsse, keys
from shared.errors import Forbidden, Invalid
from tests.integration.test_evidence import start
from tests.support.sigstore import IN_TOTO, ISSUER, WORKFLOW, Instance, a_body, a_bundle, an_envelope
from tests.support.system import a_system

pytestmark = pytest.mark.servers
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
OURS = Instance()


def a_payload(name: str) -> bytes:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": "a" * 64}}],
        "predicateType": TESTS,
        "predicate": {"result": "PASSED", "configuration": []},
    }
    return json.dumps(statement).encode()


def a_bundle_of_ours() -> str:
    signer = OURS.certify()
    envelope = an_envelope(a_payload("bundle"), signer.private)
    entry = OURS.entry(a_body("dsse", "0.0.1", envelope, signer))
    return json.dumps(a_bundle({"dsseEnvelope": envelope}, [entry], der=signer.der))


def a_root(name: str, project: str, **fields: object) -> ApplyTrustRoot:
    default = {"command_id": f"{project}-{name}", "predicate_types": (TESTS,), "role": "test"}
    return ApplyTrustRoot.model_validate(default | {"project": project, "trust_root": name} | fields)


async def test_bundles_count_by_authority_and_identity_and_shared_roots_count_everywhere(tmp_path: Path) -> None:
    async with a_system(tmp_path, SERVICE) as system:
        await start(system)
        asker = await system.asker()

        async def submit(text: str, project: str, command_id: str) -> Receipt:
            command = SubmitEvidence(command_id=command_id, project=project, envelope=text)
            return await asker.ask(command, Receipt, deadline=60)

        identity = TrustedIdentity(issuer=ISSUER, subject=WORKFLOW.replace("v1", "*"))
        certified = {"authority": OURS.trusted_root(), "identities": (identity,)}
        await asker.ask(a_root("workflow", "shop", **certified), Applied)
        receipt = await submit(a_bundle_of_ours(), "shop", "bundle")
        assert receipt.verified
        assert [signer.identity for signer in receipt.signers] == [WORKFLOW]
        elsewhere = await submit(a_bundle_of_ours(), "till", "elsewhere")
        assert elsewhere.problem == "no_trusted_signature"
        kept = queries.ShowEvidence(project="shop", evidence_id=receipt.evidence_id)
        shown = await asker.ask(kept, views.EvidenceView)
        assert [(check.signer, check.outcome) for check in shown.item.checks] == [(WORKFLOW, "verified")]
        with pytest.raises(Invalid) as refusal:
            await asker.ask(a_root("nobody", "shop", authority=OURS.trusted_root()), Applied)
        assert refusal.value.code == "trust_root_malformed"

        key = keys.generate()
        shared = a_root("company", "platform", keys=(keys.public_pem(key.public_key()),), shared=True)
        local = system.token("sam", Role.ADMIN, project="platform")
        with pytest.raises(Forbidden):
            await asker.ask(shared, Applied, token=local)
        await asker.ask(shared, Applied)
        for project in ("shop", "till"):
            text = dsse.sign(IN_TOTO, a_payload(project), [key]).decode()
            assert (await submit(text, project, f"shared-{project}")).signers[0].trust_root == "company"
        seen = await asker.ask(queries.ListTrustRoots(project="shop"), views.TrustRoots)
        assert [(root.trust_root, root.shared) for root in seen.trust_roots] == [("workflow", False), ("company", True)]
        unshared = shared.model_copy(update={"command_id": "unshare", "shared": False})
        with pytest.raises(Forbidden):
            await asker.ask(unshared, Applied, token=local)
