"""`hallmark policy`: everything about policies but taking them over, which is `hallmark apply`."""

from __future__ import annotations

import typer

from services.cli.commands import policy_linting, policy_trying

policy = typer.Typer(help="Policies: try and read them over in files, and see those in force.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    policy.command("test")(policy_trying.test)
    policy.command("lint")(policy_linting.lint)
    app.add_typer(policy, name="policy")
