"""What one gateway process holds about people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.gateway.people.signing_in import IssuerSignIn
from services.gateway.storage import failed_sign_ins, sign_in_links, spent_tokens
from services.gateway.storage import people as storage
from services.gateway.storage.failed_sign_ins import FailedSignIns
from services.gateway.storage.people import PeopleRepository
from services.gateway.storage.sign_in_links import SignInLinks
from services.gateway.storage.spent_tokens import SpentTokens
from shared.mongo import Database
from shared.oidc.fetching import KeyFetcher
from shared.oidc.key_cache import KeyCache
from shared.oidc.verifier import Verifier

if TYPE_CHECKING:
    from services.gateway.settings import GatewaySettings

INDEXES = {
    storage.COLLECTION: storage.INDEXES,
    storage.GRANTS: storage.GRANT_INDEXES,
    sign_in_links.COLLECTION: sign_in_links.INDEXES,
    failed_sign_ins.COLLECTION: failed_sign_ins.INDEXES,
}


@dataclass(frozen=True)
class People:
    """Everything about people."""

    known: PeopleRepository
    """Those who have signed in with the issuer."""
    links: SignInLinks
    failed: FailedSignIns
    issuer: IssuerSignIn | None
    """Absent: people sign in with access tokens and links only."""


def people_of(settings: GatewaySettings, database: Database) -> People:
    """The parts, on this database."""
    return People(
        PeopleRepository(database.collection(storage.COLLECTION), database.collection(storage.GRANTS)),
        SignInLinks(database.collection(sign_in_links.COLLECTION)),
        FailedSignIns(database.collection(failed_sign_ins.COLLECTION)),
        _issuer(settings, database),
    )


def _issuer(settings: GatewaySettings, database: Database) -> IssuerSignIn | None:
    issuer = settings.believed_for_people
    if issuer is None:
        return None
    fetcher = KeyFetcher(settings.oidc_networks, ca_file=settings.oidc_ca_file)
    # A verifier of its own: what signs in people opens nothing for pipelines, and the other way round.
    verifier = Verifier([issuer], KeyCache(fetcher.keys_of))
    spent = SpentTokens(database.collection(spent_tokens.COLLECTION))
    return IssuerSignIn(issuer, settings, fetcher, verifier, spent)
