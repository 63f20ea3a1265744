"""The succession of Hallmark's own keys in MongoDB; only public halves."""

from __future__ import annotations

from services.evidence.domain.signing_keys import SigningKey, Succession
from services.evidence.keyring import Keyring, Signer
from shared.errors import Conflict
from shared.messaging.scope import Scope
from shared.mongo import Document

COLLECTION = "signing_keys"


async def succession(scope: Scope, keyring: Keyring) -> Succession | None:
    """All keys; None before the first start."""
    found = await scope.collection(COLLECTION).find({})
    return Succession(keyring.origin, tuple(_from_document(one) for one in found)) if found else None


async def known_succession(scope: Scope, keyring: Keyring) -> Succession:
    """All keys. Raises `Conflict` before the first start."""
    found = await succession(scope, keyring)
    if found is None:
        raise Conflict("signing_keys_unknown", "The log has no key yet.", remedy="Start the evidence service first.")
    return found


async def begin(scope: Scope, signer: Signer, number: int) -> None:
    """Keep the next key: number 0 is in force at once, a later one when the log covers its entry.

    Raises `DuplicateKeyError` when somebody else was first.
    """
    await scope.collection(COLLECTION).add(
        {
            "_id": number,
            "verifier_key": signer.verifier_key,
            "pem": signer.public_pem,
            "since": None if number else 0,
            "until": None,
        }
    )


async def hand_over(scope: Scope, coming: SigningKey, size: int) -> None:
    """The coming key is in force from the checkpoint of that size on, which both keys sign."""
    keys = scope.collection(COLLECTION)
    await keys.update({"_id": coming.number}, {"$set": {"since": size}})
    await keys.update({"_id": coming.number - 1}, {"$set": {"until": size}})


def _from_document(found: Document) -> SigningKey:
    return SigningKey(found["_id"], found["verifier_key"], found["pem"], found["since"], found["until"])
