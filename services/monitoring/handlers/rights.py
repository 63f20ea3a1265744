"""Who may bring what is publicly known."""

from __future__ import annotations

from contracts.vocabulary import Role
from shared.errors import Forbidden
from shared.identity import Caller


def require_security_anywhere(caller: Caller, purpose: str) -> None:
    """Pass for whoever answers for the security of some project: what is publicly known belongs to none.

    Raises `Forbidden` (`role_missing`) otherwise; `purpose` ends its sentence, such as `import advisories`.
    """
    if not any({Role.SECURITY, Role.ADMIN} & roles for roles in caller.grants.values()):
        raise Forbidden(
            "role_missing",
            f"{caller.actor.subject} needs the role security in some project to {purpose}.",
            remedy="Ask an administrator for a token with the role security.",
        )
