"""Where webhooks may go."""

import pytest

from services.gateway.webhooks.destinations import Rules, admitted, destination
from shared.errors import Invalid
from shared.oidc.addresses import read_networks

RULES = Rules()


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/x?y=z",
        "https://hooks.example:8443/",
        "https://93.184.216.34/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "https://a_b.hooks.example/",
        "HTTPS://HOOKS.EXAMPLE/",
    ],
)
def test_public_https_is_allowed(url: str) -> None:
    assert destination(url, RULES).url.scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "//hooks.example/",
        "https://",
        "https:///x",
        "hooks.example",
        "",
        "https://user@hooks.example/",
        "https://user:secret@hooks.example/",
        "https://@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example:22/",
        "https://hooks.example:6379/",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://127.0.0.1./",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example\t/",
        "https://hooks .example/",
        "https://hooks..example/",
        "https://-hooks.example/",
        "https://hooks.example/\r\nx: y",
        "https://hooks.example/" + "x" * 2000,
        "https://" + "a." * 200 + "example/",
    ],
)
def test_60_urls_that_could_lead_astray_are_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        destination(url, RULES)
    assert refused.value.code == "webhook_url_refused"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",  # noqa: S104 - nothing listens here
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "not an address",
    ],
)
def test_60_addresses_that_are_not_public_are_refused(address: str) -> None:
    for found in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
        with pytest.raises(Invalid) as refused:
            admitted(found, RULES)
        assert refused.value.code == "webhook_url_refused"
        assert address not in str(refused.value), "what a name resolves to inside is nobody's business outside"


def test_public_addresses_are_admitted_and_the_first_is_the_one_to_connect_to() -> None:
    assert admitted(["93.184.216.34", "1.1.1.1"], RULES) == "93.184.216.34"
    assert admitted(["::ffff:1.1.1.1"], RULES)
    assert admitted(["2606:2800:220:1:248:1893:25c8:1946"], RULES)
    with pytest.raises(Invalid):
        admitted([], RULES)


def test_settings_allow_networks_hosts_and_ports_by_name() -> None:
    rules = Rules(read_networks("127.0.0.0/8, 10.1.0.0/16,fd00::/8"), frozenset({"127.0.0.1", "inside.example"}), None)
    for address in ("127.0.0.1", "10.1.9.9", "fd00::1", "::ffff:10.1.0.1"):
        assert admitted([address], rules)
    for address in ("10.2.0.1", "169.254.169.254", "::1"):
        with pytest.raises(Invalid):
            admitted([address], rules)
    assert destination("http://127.0.0.1:1234/x", rules).port == 1234
    assert destination("http://inside.example/x", rules).port == 80
    with pytest.raises(Invalid):
        destination("http://other.example/x", rules)
    with pytest.raises(ValueError, match="host bits"):
        read_networks("10.1.0.1/16")


def test_66_a_refusal_repeats_nothing_of_the_url() -> None:
    for url in ("https://u:canary-secret@hooks.example/", "http://hooks.example/canary-secret?k=canary-secret"):
        with pytest.raises(Invalid) as refused:
            destination(url, RULES)
        assert "canary-secret" not in str(refused.value) + refused.value.remedy
    assert destination("https://hooks.example/canary-secret?k=v", RULES).shown == "https://hooks.example"
