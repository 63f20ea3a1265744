"""Which runs a rule lets act: abuse cases 15 and 16, and everything that must not fit."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.registry.v1.pipelines import ApplyPipelineIdentity
from contracts.vocabulary import Role
from services.registry.domain.pipeline_identity import (
    ANCHORS,
    SEPARATORS,
    Grant,
    PipelineIdentity,
    resolve,
    run_name,
)
from services.registry.wire_pipelines import identity_from
from shared.errors import Invalid
from shared.patterns import fits
from tests.support.oidc import github_claims, gitlab_claims

CORPUS = Path(os.environ.get("HALLMARK_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
PAGE = Path(__file__).parents[3] / "docs" / "pipelines.md"
EXAMPLES = CORPUS / "13-jose-oidc" / "give" / "oidc-claims"
GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.example.com"
CART = Grant(("cart",), (Role.CONTRIBUTOR,))


def a_rule(*grants: Grant, issuer: str = GITHUB, name: str = "main", project: str = "shop", **more: Any) -> Any:
    claims = more.pop("claims", {"repository_id": ("74",), "ref": ("refs/heads/main",)})
    return PipelineIdentity(project, name, issuer, claims, grants or (CART,), **more)


def texts(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as the verifier hands them on."""
    return {name: str(value) for name, value in claims.items() if isinstance(value, str | int)}


def test_a_run_that_fits_gets_what_the_rule_grants() -> None:
    found = resolve([a_rule()], GITHUB, texts(github_claims()))
    assert found.identities == ("shop/main",)
    assert found.rights == {("shop", "cart"): {Role.CONTRIBUTOR}}
    assert found.misfits == ()
    gitlab = a_rule(issuer=GITLAB, claims={"project_id": ("20",), "ref_protected": ("true",)})
    assert resolve([gitlab], GITLAB, texts(gitlab_claims())).rights


@pytest.mark.parametrize(
    ("claims", "in_the_way"),
    [
        ({"repository_id": "75"}, "repository_id"),
        ({"repository_id": "740"}, "repository_id"),
        ({"repository_id": ""}, "sub"),
        ({"ref": "refs/heads/main2"}, "ref"),
        ({"ref": "refs/heads/Main"}, "ref"),
        ({"ref": "xrefs/heads/main"}, "ref"),
        ({"ref": "refs/heads/main\n"}, "ref"),
        ({"ref": ""}, "ref"),
    ],
)
def test_15_the_same_name_with_another_id_and_other_values_fit_nothing(claims: dict[str, str], in_the_way: str) -> None:
    found = resolve([a_rule()], GITHUB, texts(github_claims(**claims)))
    assert (found.identities, dict(found.rights)) == ((), {})
    assert found.misfits == (f"shop/main: {in_the_way}",)


def test_claims_of_another_issuer_and_empty_ones_fit_nothing() -> None:
    assert resolve([a_rule()], GITLAB, texts(github_claims())).misfits == ("shop/main: iss",)
    for pattern in ("*", "**"):
        anywhere = a_rule(claims={"repository_id": ("74",), "environment": (pattern,)})
        for claims in (github_claims(environment=""), github_claims()):
            assert resolve([anywhere], GITHUB, texts(claims)).misfits == ("shop/main: environment",)
        assert resolve([anywhere], GITHUB, texts(github_claims(environment="prod"))).rights


def test_15_a_rule_must_pin_an_id_that_survives_renaming() -> None:
    for claims in (
        {"repository": ("octo-org/octo-repo",)},
        {"repository_id": ("7*",)},
        {"repository_id": ("**",)},
        {"repository_id": ("74", "75")},
        {"sub": ("repo:octo-org/octo-repo:**",)},
    ):
        with pytest.raises(Invalid) as malformed:
            a_rule(claims=claims)
        assert malformed.value.code == "pipeline_identity_malformed"


def test_15_a_subject_is_no_id_for_a_run_that_has_a_better_one() -> None:
    by_subject = a_rule(claims={"sub": ("repo:octo-org/octo-repo:ref:refs/heads/main",)})
    recreated = github_claims(sub="repo:octo-org/octo-repo:ref:refs/heads/main", repository_id="9999")
    assert resolve([by_subject], GITHUB, texts(recreated)).misfits == ("shop/main: repository_id",)
    of_gitlab = a_rule(issuer=GITLAB, claims={"sub": (gitlab_claims()["sub"],)})
    assert resolve([of_gitlab], GITLAB, texts(gitlab_claims())).misfits == ("shop/main: project_id",)
    other = a_rule(issuer="https://ci.example", claims={"sub": ("job-7",)})
    assert resolve([other], "https://ci.example", {"sub": "job-7"}).identities == ("shop/main",)


@pytest.mark.parametrize(
    "run",
    [
        github_claims(event_name="pull_request", head_ref="x", base_ref="main", ref="refs/pull/7/merge"),
        github_claims(event_name="pull_request"),
        github_claims(event_name="pull_request_target"),
        github_claims(event_name="pull_request_review"),
        github_claims(event_name="issue_comment"),
        github_claims(event_name="workflow_run"),
        github_claims(event_name="merge_group"),
        github_claims(event_name=""),
        {name: value for name, value in github_claims().items() if name != "event_name"},
        github_claims(head_ref="feature"),
        github_claims(base_ref="main"),
        github_claims(ref="refs/pull/7/merge"),
        github_claims(sub="repo:octo-org/octo-repo:pull_request"),
    ],
)
def test_16_runs_on_what_is_not_merged_fit_only_rules_that_say_so(run: dict[str, Any]) -> None:
    claims = {"repository_id": ("74",)}
    assert resolve([a_rule(claims=claims)], GITHUB, texts(run)).rights == {}
    assert resolve([a_rule(claims=claims, allow_pull_requests=True)], GITHUB, texts(run)).rights


@pytest.mark.parametrize(
    "source", ["merge_request_event", "external_pull_request_event", "parent_pipeline", "pipeline", "chat", "new", ""]
)
def test_16_runs_on_merge_requests_fit_only_rules_that_say_so(source: str) -> None:
    claims = {"project_id": ("20",)}
    run = texts(gitlab_claims(pipeline_source=source))
    assert resolve([a_rule(issuer=GITLAB, claims=claims)], GITLAB, run).rights == {}
    assert resolve([a_rule(issuer=GITLAB, claims=claims, allow_pull_requests=True)], GITLAB, run).rights


def test_16_a_rule_may_name_a_trigger_of_its_own_but_not_a_pull_request() -> None:
    named = a_rule(claims={"repository_id": ("74",), "event_name": ("merge_group", "pull_request_target")})
    assert resolve([named], GITHUB, texts(github_claims(event_name="merge_group"))).rights
    assert not resolve([named], GITHUB, texts(github_claims(event_name="pull_request_target"))).rights
    assert not resolve([named], GITHUB, texts(github_claims(event_name="push"))).rights


def test_rules_add_up_within_one_application_of_one_project() -> None:
    rules = [
        a_rule(Grant(("cart",), (Role.CONTRIBUTOR,)), name="one"),
        a_rule(Grant(("till",), (Role.RELEASE_MANAGER,)), Grant(("cart",), (Role.VIEWER,)), name="two"),
        a_rule(Grant(("*",), (Role.SECURITY,)), name="three", project="bank"),
        a_rule(Grant(("*",), (Role.RELEASE_MANAGER,)), name="not", claims={"repository_id": ("75",)}),
    ]
    found = resolve(rules, GITHUB, texts(github_claims()))
    assert found.rights == {
        ("bank", "*"): {Role.SECURITY},
        ("shop", "cart"): {Role.CONTRIBUTOR, Role.VIEWER},
        ("shop", "till"): {Role.RELEASE_MANAGER},
    }
    assert found.identities == ("bank/three", "shop/one", "shop/two")
    assert resolve(reversed(rules), GITHUB, texts(github_claims())) == found


def test_pipelines_neither_approve_nor_administer() -> None:
    for role in (Role.ADMIN, Role.APPROVER):
        with pytest.raises(Invalid, match="for people"):
            a_rule(Grant(("cart",), (Role.CONTRIBUTOR, role)))
    with pytest.raises(Invalid, match="at once"):
        a_rule(Grant(("cart", "*"), (Role.CONTRIBUTOR,)))
    with pytest.raises(Invalid, match="elsewhere"):
        a_rule(claims={"repository_id": ("74",), "ref": ("refs/**/x",)})


def test_a_run_is_named_by_issuer_id_and_number() -> None:
    assert run_name(GITHUB, github_claims()) == "token.actions.githubusercontent.com/repository_id/74/run/4711"
    assert run_name(GITLAB, texts(gitlab_claims())) == "gitlab.example.com/project_id/20/run/574"
    assert run_name("https://ci.example", {"sub": "a/run/7 é"}) == "ci.example/sub/a%2Frun%2F7%20%C3%A9"
    long = run_name("https://ci.example", {"sub": "x" * 900})
    assert len(long) <= 200
    assert long != run_name("https://ci.example", {"sub": "x" * 901})


@pytest.mark.parametrize("name", ["github-token-example.json", "gitlab-id-token-payload.json"])
def test_documented_tokens_are_read_as_documented(name: str) -> None:
    if not (EXAMPLES / name).exists():
        pytest.skip("no corpus here (HALLMARK_CORPUS)")
    found = json.loads((EXAMPLES / name).read_text())
    claims = found.get("payload", found)
    anchor = "repository_id" if "repository_id" in claims else "project_id"
    rule = a_rule(issuer=claims["iss"], claims={anchor: (claims[anchor],)})
    assert resolve([rule], claims["iss"], texts(claims)).identities == ("shop/main",)


def test_the_rules_in_the_page_are_sound_and_let_in_the_runs_they_are_for() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    specs = [one["spec"] for one in map(yaml.safe_load, blocks) if "spec" in one]
    commands = [
        ApplyPipelineIdentity(command_id="c", project="shop", pipeline_identity="web", **spec) for spec in specs
    ]
    github, gitlab, other = map(identity_from, commands)
    run = github_claims(repository_id="1296269", ref="refs/tags/v1.4.0")
    assert resolve([github], GITHUB, texts(run)).rights
    job = gitlab_claims(project_id="278964")
    assert resolve([gitlab], "https://gitlab.com", texts(job)).rights
    assert not resolve([gitlab], "https://gitlab.com", texts(job | {"ref_protected": "false"})).rights
    assert resolve([other], "https://ci.example.com", {"sub": "job:web:release"}).rights


@pytest.mark.parametrize(
    ("pattern", "name", "whole"),
    [
        ("refs/tags/v*", "refs/tags/v1.0", True),
        ("refs/tags/v*", "refs/tags/v1/0", False),
        ("refs/tags/*.0", "refs/tags/v1.0", True),
        ("refs/tags/*.0", "refs/tags/v1.1", False),
        ("refs/tags/v*.0", "refs/tags/v.", False),
        ("refs/heads/**", "refs/heads/a/b", True),
        ("refs/heads/**", "refs/heads", False),
        ("refs/heads/**", "xrefs/heads/a", False),
        ("repo:o/r:*", "repo:o/r:pull_request", True),
        ("repo:o/r:*", "repo:o/r:ref:refs", False),
        ("ab*ba", "aba", False),
        ("main", "main\n", False),
        ("m.in", "main", False),
    ],
)
def test_a_pattern_fits_a_whole_name_or_nothing(pattern: str, name: str, whole: bool) -> None:
    assert fits(pattern, name, SEPARATORS) is whole


LETTERS = st.text(alphabet="ab/:@", max_size=8)
PATTERNS = st.builds(lambda body, end: body + end, st.text(alphabet="ab/:@*", max_size=8), st.sampled_from(["", "**"]))


def as_expression(pattern: str) -> str:
    body = pattern.removesuffix("**")
    run = f"[^{re.escape(SEPARATORS)}]*"
    return run.join(map(re.escape, body.split("*"))) + (".*" if pattern.endswith("**") else "")


@pytest.mark.thorough
@given(PATTERNS, LETTERS)
def test_patterns_fit_whole_names_as_they_are_written(pattern: str, name: str) -> None:
    if "**" in pattern.removesuffix("**") or pattern.endswith("***"):
        return
    assert fits(pattern, name, SEPARATORS) == bool(re.fullmatch(as_expression(pattern), name, re.DOTALL))


CLAIMS = st.dictionaries(
    st.sampled_from([*ANCHORS, "ref", "event_name", "environment"]),
    st.sampled_from(["74", "75", "push", "pull_request", "refs/heads/main", "prod", ""]),
)
RULES = st.builds(
    lambda anchor, more, pulls, issuer, application: a_rule(
        Grant((application,), (Role.CONTRIBUTOR,)),
        issuer=issuer,
        name=application,
        claims={name: (value or "*",) for name, value in more.items()} | {anchor: ("74",)},
        allow_pull_requests=pulls,
    ),
    st.sampled_from(ANCHORS),
    CLAIMS,
    st.booleans(),
    st.sampled_from([GITHUB, GITLAB]),
    st.sampled_from(["cart", "till"]),
)


@pytest.mark.thorough
@given(st.lists(RULES, max_size=4), st.sampled_from([GITHUB, GITLAB]), CLAIMS)
def test_nothing_is_granted_without_a_rule_that_fits_in_everything(
    rules: list[PipelineIdentity], issuer: str, claims: dict[str, str]
) -> None:
    found = resolve(rules, issuer, claims)
    for project, application in found.rights:
        assert any(
            rule.issuer == issuer
            and (rule.project, rule.name) == (project, application)
            and all(
                claims.get(name) and fits(patterns[0], claims[name], SEPARATORS)
                for name, patterns in rule.claims.items()
            )
            and (rule.allow_pull_requests or claims.get("event_name") != "pull_request")
            for rule in rules
        )


@pytest.mark.thorough
@given(st.lists(RULES, max_size=3), CLAIMS, st.sampled_from([*ANCHORS, "ref", "event_name"]))
def test_a_claim_less_never_grants_more(rules: list[PipelineIdentity], claims: dict[str, str], gone: str) -> None:
    if gone in ANCHORS and sum(bool(claims.get(one)) for one in ANCHORS) > 1:
        return  # Which id names the pipeline is the issuer's to say; it makes one of them only.
    fewer = {name: value for name, value in claims.items() if name != gone}
    more, less = resolve(rules, GITHUB, claims).rights, resolve(rules, GITHUB, fewer).rights
    lost_a_warning = gone == "event_name" and claims.get(gone) == "pull_request"
    assert lost_a_warning or all(roles <= more.get(place, frozenset()) for place, roles in less.items())
