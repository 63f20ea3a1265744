from __future__ import annotations

from typing import Any

import pytest

from contracts.circumstances import Circumstances
from contracts.vocabulary import Outcome, SourceCommit
from shared.errors import Invalid
from shared.policy.rules import RuleAnswer, check
from tests.unit.gate.gate_builders import context_for, dossier, policy, rule, rule_of

REPOSITORY = "https://git.example.org/acme/shop"
MAIN = rule("source_branch", branches=["main", "release/*"])


def answer(branch: str | None, repository: str = REPOSITORY, *, written: dict[str, Any] = MAIN) -> RuleAnswer:
    return judged(SourceCommit(repository=repository, commit="a" * 40, branch=branch), written)


def judged(source: SourceCommit | None, written: dict[str, Any] = MAIN) -> RuleAnswer:
    held = dossier(circumstances=Circumstances(source=source))
    return check(rule_of(written), held, context_for(held))


@pytest.mark.parametrize(
    ("branch", "fits"),
    [
        ("main", True),
        ("refs/heads/main", True),
        ("release/1.0", True),
        ("refs/heads/release/1.0", True),
        ("release/", True),
        ("release/1.0/hotfix", False),
        ("release", False),
        ("Main", False),
        ("mainline", False),
        ("domain", False),
        ("main\n", False),
        ("refs/tags/main", False),
        ("refs/heads/refs/heads/main", False),
        ("", False),
    ],
)
def test_a_branch_fits_as_a_whole(branch: str, fits: bool) -> None:
    assert (answer(branch).outcome is Outcome.ALLOW) is fits


@pytest.mark.parametrize(
    ("pattern", "branch", "fits"),
    [
        ("**", "any/thing", True),
        ("**", "refs/tags/v1", False),
        ("*", "one", True),
        ("*", "one/two", False),
        ("release/**", "release/1/2", True),
        ("**/stable", "a/b/stable", True),
        ("*-*-rc*", "a-b-rc", True),
        ("*-*-rc*", "a-rc", False),
        ("refs/heads/main", "main", True),
        ("v[1]", "v1", False),
        ("v?", "v1", False),
        ("m.in", "main", False),
    ],
)
def test_only_stars_are_special(pattern: str, branch: str, fits: bool) -> None:
    written = rule("source_branch", branches=[pattern])
    assert (answer(branch, written=written).outcome is Outcome.ALLOW) is fits


def test_many_stars_cost_little() -> None:
    written = rule("source_branch", branches=["**a" * 150])
    # A comparison that tries one way after the other never comes back from this.
    assert answer("a" * 149 + "b" * 51, written=written).outcome is Outcome.DENY


def test_what_it_says() -> None:
    good = answer("refs/heads/main")
    assert good.observed == f"It was built from refs/heads/main of {REPOSITORY}."
    assert good.required == "The version was built from a branch that matches main, release/*."
    bad = answer("wild")
    assert bad.outcome is Outcome.DENY
    assert bad.observed == "The version was built from wild."
    assert bad.remedy == "Build from a branch that matches main, release/* and register a new version."


def test_a_source_that_is_not_said_denies_since_it_cannot_be_added() -> None:
    none, no_branch = judged(None), answer(None)
    assert none.outcome is no_branch.outcome is Outcome.DENY
    assert none.observed == "The version does not say what it was built from."
    assert no_branch.observed == "The version does not say which branch it was built from."
    assert no_branch.remedy == (
        "Say the branch, and register a new version: "
        "a version's source is part of what it is and cannot be added later."
    )


@pytest.mark.parametrize(
    ("repository", "fits"),
    [
        (REPOSITORY, True),
        (f"git+{REPOSITORY}.git", True),
        (f"{REPOSITORY}/", True),
        ("https://git.example.org/evil/shop", False),
        ("https://git.example.org.evil.example/acme/shop", False),
        ("https://git.example.org/acme/shop/fork", False),
        ("https://git.example.org/acme/other", False),
    ],
)
def test_repositories_can_be_asked_for_too(repository: str, fits: bool) -> None:
    given = answer("main", repository, written=MAIN | {"repositories": [f"{REPOSITORY}.git"]})
    assert (given.outcome is Outcome.ALLOW) is fits
    if not fits:
        assert given.observed == f"The version was built from the repository {repository}."
    anything = MAIN | {"repositories": ["https://git.example.org/acme/*"]}
    assert (answer("main", repository, written=anything).outcome is Outcome.ALLOW) is (fits or "other" in repository)


def test_branch_and_repository_must_both_fit() -> None:
    given = answer("wild", "https://other.example/x", written=MAIN | {"repositories": [REPOSITORY]})
    assert len(given.violations) == 2
    assert answer("wild", written=MAIN | {"repositories": [REPOSITORY]}).outcome is Outcome.DENY


@pytest.mark.parametrize("wrong", [{"branches": []}, {"branches": [""]}, {"branches": ["a b"]}, {"repositories": []}])
def test_what_asks_for_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        policy(MAIN | wrong)
    with pytest.raises(Invalid):
        policy(rule("source_branch"))
