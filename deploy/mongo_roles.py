"""Prints the MongoDB role of every service's user as JSON, for a server that Hallmark does not set up itself.

`python -m deploy.mongo_roles` writes one object for each user: the command that creates its role, if there is one to
create, and the role that the user is to have.
"""

from __future__ import annotations

import json
from typing import Any

from deploy.local.mongo_config import CONFINED, privileges, role_of
from deploy.secrets import SERVICES
from deploy.system import mongo_rights


def roles() -> list[dict[str, Any]]:
    """By user: the role to create in its database, if there is one, and the role that the user has."""
    rights = mongo_rights()
    return [
        {
            "user": user,
            "create": {"createRole": CONFINED, "privileges": privileges(user, rights[user]), "roles": []}
            if user in rights
            else None,
            "grant": role_of(user, rights),
        }
        for user in SERVICES
    ]


if __name__ == "__main__":
    print(json.dumps(roles(), indent=2))
