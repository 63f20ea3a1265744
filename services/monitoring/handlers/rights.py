"""Who may bring what is publicly known, and who may see what over all projects."""

from __future__ import annotations

from contracts.vocabulary import Role
from services.monitoring.domain.exposure import Visible
from shared.errors import Forbidden, Invalid
from shared.identity import EVERYWHERE, Caller


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


def visible(caller: Caller, project: str | None, application: str | None) -> Visible:
    """What of all projects the caller may see, or of the one that is asked about, or of one application of it.

    Raises `Forbidden` (`role_missing`) when one project was named in which the caller has no role, and `Invalid`
    (`application_without_project`).
    """
    if project is not None:
        caller.require_member(project, application)
        if application is None:
            return Visible(projects=frozenset({project}))
        return Visible(applications={project: frozenset({application})})
    if application is not None:
        raise Invalid(
            "application_without_project",
            f"Application {application} was named without its project.",
            remedy="Name the project, too.",
        )
    granted = frozenset(name for name, roles in caller.grants.items() if roles)
    confined = {
        name: frozenset(one for one, roles in held.items() if roles)
        for name, held in caller.confined.items()
        if any(held.values())
    }
    return Visible(EVERYWHERE in granted, granted - {EVERYWHERE}, confined)


def require_member_of(caller: Caller, project: str | None, application: str | None) -> None:
    """Any role will do, in the project or the application; without a project, a role in every project.

    Raises `Forbidden` (`role_missing`), and `Invalid` (`project_missing`) for an application without its project.
    """
    if project is not None:
        caller.require_member(project, application)
        return
    if application is not None:
        raise Invalid(
            "project_missing", f"{application} is named without its project.", remedy="Name the project, too."
        )
    if not caller.grants.get(EVERYWHERE):
        raise Forbidden(
            "role_missing",
            f"{caller.actor.subject} needs a role in every project to see the metrics of all of them.",
            remedy="Name a project, or ask an administrator for a token with the role viewer everywhere.",
        )
