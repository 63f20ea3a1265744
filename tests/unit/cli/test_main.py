"""What is so for every command."""

import pytest

from services.cli.main import _json_first


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["--json", "promote", "shop/cart/1.0"], ["--json", "promote", "shop/cart/1.0"]),
        (["promote", "shop/cart/1.0", "--json", "--wait"], ["--json", "promote", "shop/cart/1.0", "--wait"]),
        (["promote", "shop/cart/1.0"], ["promote", "shop/cart/1.0"]),
        (["event", "send", "--", "--json"], ["event", "send", "--", "--json"]),
        ([], []),
    ],
)
def test_json_may_stand_anywhere(written: list[str], meant: list[str]) -> None:
    assert _json_first(written) == meant
