"""The page's settings."""

from __future__ import annotations

import pytest

from adapters.web import plugin
from adapters.web.settings import WebSettings
from bot.errors import SettingsError


def test_the_page_is_for_this_machine_unless_told_otherwise() -> None:
    """Without settings it listens on loopback and is not asked for."""
    settings = WebSettings.read({})

    assert settings.loopback
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8080)
    assert not plugin.wanted({})
    assert plugin.wanted({"WEB": "true"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "lab.example.org"])
def test_other_than_loopback_needs_a_token(host: str) -> None:
    """The page refuses to be open to the network without a token, and says what to do."""
    with pytest.raises(SettingsError, match="set WEB_TOKEN"):
        WebSettings.read({"WEB_HOST": host})

    assert WebSettings.read({"WEB_HOST": host, "WEB_TOKEN": "secret"}).token == "secret"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    """Addresses of this machine alone need no token."""
    assert WebSettings.read({"WEB_HOST": host}).loopback


def test_a_wrong_value_is_named() -> None:
    """A value of the wrong kind is refused with its name."""
    with pytest.raises(SettingsError, match="WEB_PORT"):
        WebSettings.read({"WEB_PORT": "eighty"})


def test_the_token_is_not_shown() -> None:
    """Settings in a log do not give the token away."""
    assert "hunter2" not in repr(WebSettings.read({"WEB_TOKEN": "hunter2"}))


def test_host_names_are_listed_and_addresses_fit_a_wildcard() -> None:
    """DNS rebinding needs a name: only listed names are allowed."""
    wide = WebSettings.read(
        {"WEB_HOST": "0.0.0.0", "WEB_TOKEN": "t", "WEB_ALLOWED_HOSTS": "lab.example.org, b"}
    )

    assert wide.allows_host("lab.example.org")
    assert wide.allows_host("b")
    assert wide.allows_host("192.168.1.5")
    assert not wide.allows_host("evil.example")
    assert not WebSettings.read({}).allows_host("192.168.1.5")
