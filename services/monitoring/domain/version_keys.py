"""Sort keys for versions of which no library has the order, or none that is fast.

- Alpine: apk-tools, `version.c` (3.x). univers knows Gentoo's order, which lacks `_cvs`, `_svn`, `_git` and `_hg`.
- Composer: `composer/semver` (VersionParser) and PHP's `version_compare`. univers reads Packagist as Semantic
  Versioning, which refuses four numbers, patches and branches.
- Semantic Versioning 2.0.0, 11: univers has the same order, and takes ten times as long to compare two of them.

Keys are tuples; all functions raise `ValueError` for what is no version, but `semver_key`, which is given
nothing else. Branches without a number (`dev-main`) are
none: Composer compares them with nothing.
"""

from __future__ import annotations

import re

Part = tuple[int, ...] | tuple[int, int, str]
Key = tuple[Part, ...]

_APK = re.compile(
    r"(?P<numbers>\d+(?:\.\d+)*)(?P<letter>[a-z])?"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)"
    r"(?:~[0-9a-f]+)?(?:-r(?P<revision>\d+))?",
    re.ASCII,
)
_APK_SUFFIX = re.compile(r"_([a-z]+)(\d*)", re.ASCII)
_APK_BEFORE = {"alpha": 0, "beta": 1, "pre": 2, "rc": 3}
_APK_AFTER = {"cvs": 0, "svn": 1, "git": 2, "hg": 3, "p": 4}
_NUMBER, _LETTER, _SUFFIX, _SUFFIX_NUMBER, _REVISION, _END, _BEFORE = 6, 5, 4, 3, 2, 1, 0
"""What is greater where two versions part: the longer one, but for suffixes that come before a release."""

# Possessive, as Composer writes it: otherwise long rows of digits could be divided in too many ways.
_MODIFIER = r"(?:[._-]?(?P<stability>stable|beta|b|rc|alpha|a|patch|pl|p)(?P<count>(?:[.-]?\d++)*+))?(?P<dev>[.-]?dev)?"
_FLAGS = re.ASCII | re.IGNORECASE
_CLASSICAL = re.compile(rf"v?(?P<numbers>\d{{1,5}}(?:\.\d+){{0,3}}){_MODIFIER}", _FLAGS)
_DATED = re.compile(rf"v?(?P<numbers>\d{{4}}(?:[.:-]?\d{{2}}){{1,6}}(?:[.:-]?\d{{1,3}}){{0,2}}){_MODIFIER}", _FLAGS)
_BRANCH = re.compile(r"v?(?P<numbers>\d+(?:\.(?:\d+|[x*])){0,3})[.-]?dev", _FLAGS)
_ANYTHING = 9_999_999
"""What Composer puts in place of the `x` of a branch."""
_DEV, _PLAIN, _PATCH = 0, 4, 5
_STABILITY = {"alpha": 1, "a": 1, "beta": 2, "b": 2, "rc": 3, "patch": _PATCH, "pl": _PATCH, "p": _PATCH}
_PARTS = 4


def semver_key(text: str) -> tuple[int, int, int, bool, Key]:
    """Where a version of Semantic Versioning stands, minor and patch perhaps left out, a `v` perhaps before it."""
    numbers, _, before = text.removeprefix("v").partition("+")[0].partition("-")
    major, minor, patch = (*map(int, numbers.split(".")), 0, 0)[:3]
    # Numbers come before words; a version comes after all that leads up to it.
    parts = [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in before.split(".")] if before else []
    return (major, minor, patch, not parts, tuple(parts))


def apk_key(text: str) -> Key:
    """Where an Alpine package version stands. Raises `ValueError`."""
    found = _APK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    first, *others = found["numbers"].split(".")
    # Behind the first dot a leading zero makes a fraction, which is compared letter by letter: 1.06 lies before 1.5.
    key: list[Part] = [(_NUMBER, 1, int(first))]
    key += [(_NUMBER, 0, one) if one.startswith("0") else (_NUMBER, 1, int(one)) for one in others]
    if found["letter"]:
        key.append((_LETTER, ord(found["letter"])))
    for name, count in _APK_SUFFIX.findall(found["suffixes"]):
        before = name in _APK_BEFORE
        key.append((_BEFORE, _APK_BEFORE[name]) if before else (_SUFFIX, _APK_AFTER[name]))
        key += [(_SUFFIX_NUMBER, int(count))] if count else []
    key += [(_REVISION, int(found["revision"]))] if found["revision"] else []
    return (*key, (_END,))


def composer_key(text: str) -> Key:
    """Where a Composer version stands. Raises `ValueError`."""
    plain = text.partition("@")[0].partition("+")[0]
    found = _CLASSICAL.fullmatch(plain)
    if found is None:
        branch = _BRANCH.fullmatch(plain)
        if branch:
            return (*_padded(branch["numbers"], _ANYTHING), (_DEV, 0), (_PLAIN, -1))
        found = _DATED.fullmatch(plain)
    if found is None:
        raise ValueError(text)
    dated = found.re is _DATED
    key = [(_PLAIN, int(one)) for one in re.split(r"\D", found["numbers"])] if dated else _padded(found["numbers"], 0)
    stability = (found["stability"] or "stable").lower()
    if stability != "stable":
        key.append((_STABILITY[stability], 0))
        key += [(_PLAIN, int(one)) for one in re.findall(r"\d+", found["count"])]
    key += [(_DEV, 0)] if found["dev"] else []
    # The end counts as a number below all numbers: above alpha, beta, RC and dev, below a patch.
    return (*key, (_PLAIN, -1))


def _padded(numbers: str, filling: int) -> list[Part]:
    parts = [_ANYTHING if one in "xX*" else int(one) for one in numbers.split(".")]
    return [(_PLAIN, one) for one in [*parts, *[filling] * (_PARTS - len(parts))]]
