"""Policies and their test cases as they lie in files: which documents there are, and which belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.policies.cases import PolicyTest, read_policy_test
from services.cli.policies.written import in_case
from shared.errors import Invalid, NotFound
from shared.policy.policy import Policy, read_policy
from shared.policy.template import RuleTemplate, read_template, resolved, templates_named
from shared.yaml_reading import YAML_SUFFIXES, read_yaml_file, yaml_files

API_VERSION = "hallmark/v1"
TEST_KIND = "PolicyTest"
TEMPLATE_KIND = "RuleTemplate"
TEST_SUFFIXES = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class Found:
    """One document, and where it is."""

    file: Path
    number: int
    """Its place in the file, from 1."""
    whole: Any

    @property
    def origin(self) -> str:
        """Where it is, for people."""
        return f"{self.file} (document {self.number})"

    @property
    def kind(self) -> str:
        """What it says it is; empty when it does not."""
        whole = self.whole
        return str(whole.get("kind", "")) if isinstance(whole, dict) else ""


def is_test_file(file: Path) -> bool:
    """Whether a file holds nothing but test cases, by its name."""
    return file.name.endswith(TEST_SUFFIXES)


def documents_in(file: Path) -> tuple[Found, ...]:
    """Every document of a file. Raises `Invalid` with the place."""
    every = enumerate(read_yaml_file(file), start=1)
    return tuple(Found(file, number, whole) for number, whole in every if whole is not None)


def documents_of(paths: Sequence[Path], kind: str) -> Iterator[Found]:
    """The documents of one kind in these files and folders, each once."""
    files = dict.fromkeys(file for path in paths for file in yaml_files(path))
    return (one for file in files for one in documents_in(file) if one.kind == kind)


def policy_in(found: Found) -> Policy:
    """The policy in a document, with the templates beside it written in. Raises `Invalid` with the place."""
    try:
        whole = found.whole
        if isinstance(whole, dict) and (wanted := templates_named(whole)):
            whole = resolved(whole, _templates_beside(found, wanted))
        return read_policy(whole)
    except Invalid as error:
        raise in_case(error, found.origin) from error
    except NotFound as error:
        missing = Invalid(error.code, error.message, remedy="Put the template (RuleTemplate) into the same folder.")
        raise in_case(missing, found.origin) from error


def template_in(found: Found) -> RuleTemplate:
    """The rule template in a document. Raises `Invalid` with the place."""
    try:
        return read_template(found.whole)
    except Invalid as error:
        raise in_case(error, found.origin) from error


def _templates_beside(found: Found, wanted: set[str]) -> dict[str, RuleTemplate]:
    every = [one for one in in_folder(found.file.parent, TEMPLATE_KIND) if _named(one.whole) in wanted]
    return {str(_named(one.whole)): template_in(one) for one in every}


def cases_in(found: Found) -> PolicyTest:
    """The test cases in a document. Raises `Invalid` with the place."""
    try:
        return read_policy_test(found.whole)
    except Invalid as error:
        raise in_case(error, found.origin) from error


def in_folder(folder: Path, kind: str) -> Iterator[Found]:
    """The documents of one kind in the files of a folder, not below."""
    return (one for each in _yaml_in(folder) for one in documents_in(each) if one.kind == kind)


def tested_in(folder: Path) -> frozenset[str]:
    """The names of the policies that the test cases of a folder are for; files that cannot be read have none."""
    names = set()
    for file in _yaml_in(folder):
        with suppress(Invalid):
            names |= {str(_tested(one.whole)) for one in documents_in(file) if one.kind == TEST_KIND}
    return frozenset(names)


def cases_for(paths: Sequence[Path]) -> list[Found]:
    """The test documents to run: those at `paths`, and for a policy's own file those beside that name its policies."""
    found = list(documents_of(paths, TEST_KIND))
    for path in paths:
        if path.is_file():
            names = {_named(one.whole) for one in documents_in(path) if one.kind == "Policy"}
            found += [one for one in in_folder(path.parent, TEST_KIND) if _tested(one.whole) in names]
    return list({(one.file.resolve(), one.number): one for one in found}.values())


def _yaml_in(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.suffix in YAML_SUFFIXES and one.is_file())


def _named(whole: Any) -> Any:
    metadata = whole.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None


def _tested(whole: Any) -> Any:
    spec = whole.get("spec")
    return spec.get("policy") if isinstance(spec, dict) else None
