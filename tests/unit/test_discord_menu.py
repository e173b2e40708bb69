"""The commands as they are registered, and how an invocation is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.discord import menu
from adapters.discord.asks import attachment_of_option, quoted
from adapters.discord.settings import DiscordSettings
from bot.errors import SettingsError
from bot.ports import Argument, CommandSpec
from tests.fakes.core import SPECS


def command(name: str) -> dict[str, Any]:
    return next(made for made in menu.payload(SPECS) if made["name"] == name)


class TestPayload:
    def test_offers_all_commands_everywhere(self) -> None:
        """Each command is offered in servers and DMs, to a server's and to a person's install."""
        made = menu.payload(SPECS)

        assert {spec.name for spec in SPECS if spec.listed} < {each["name"] for each in made}
        assert all(each["contexts"] == [0, 1, 2] for each in made)
        assert all(each["integration_types"] == [0, 1] for each in made)

    def test_has_choices_and_autocomplete(self) -> None:
        """A tier is chosen, a file's name is completed."""
        (tier,) = command("memory")["options"]
        action, name = command("files")["options"]

        assert [choice["value"] for choice in tier["choices"]] == ["1g", "4g", "16g", "64g"]
        assert tier["required"]
        assert action["choices"]
        assert name["autocomplete"]

    def test_keeps_settings_to_those_who_manage(self) -> None:
        """Settings take Manage Server; the others take nothing."""
        assert command("settings")["default_member_permissions"] == 1 << 5
        assert command("status")["default_member_permissions"] is None

    def test_leaves_out_what_only_buttons_use(self) -> None:
        """A command that is not listed is not registered."""
        hidden = CommandSpec("feedback", "thumbs", listed=False)

        assert "feedback" not in {each["name"] for each in menu.payload([hidden])}

    def test_puts_required_options_first(self) -> None:
        """Discord refuses a required option behind one that may be left out."""
        spec = CommandSpec("x", "y", (Argument("a", "a"), Argument("b", "b", required=True)))

        (made,) = [each for each in menu.payload([spec]) if each["name"] == "x"]

        assert [option["required"] for option in made["options"]] == [True, False]

    def test_fingerprint_changes_with_the_commands(self) -> None:
        """The same commands are registered once, changed ones again."""
        made = menu.payload(SPECS)

        assert menu.fingerprint(made, 1) == menu.fingerprint(menu.payload(SPECS), 1)
        assert menu.fingerprint(made, 1) != menu.fingerprint(made[:-1], 1)
        assert menu.fingerprint(made, 1) != menu.fingerprint(made, 2)


class TestInvocation:
    def test_options_become_a_line_in_the_order_of_the_command(self) -> None:
        """Discord gives options in the order in which somebody filled them in."""
        spec = next(spec for spec in SPECS if spec.name == "files")
        data = {
            "options": [
                {"name": "name", "value": "my sales.csv"},
                {"name": "action", "value": "get"},
            ]
        }

        assert menu.line(spec, menu.values(data)) == "get my sales.csv"

    def test_the_option_being_typed_is_found(self) -> None:
        """Autocompletion asks for one option."""
        data = {"options": [{"name": "name", "value": "sa", "focused": True}]}

        assert menu.focused(data) == ("name", "sa")
        assert menu.focused({}) is None

    def test_a_given_file_is_a_reference(self) -> None:
        """Its media type is plain, its link is all there is."""
        data = {
            "id": "7",
            "filename": "a.csv",
            "content_type": "text/csv; charset=utf-8",
            "size": 3,
        }

        made = attachment_of_option(data | {"url": "https://cdn.discordapp.com/x"})

        assert (made.media_type, made.size_bytes) == ("text/csv", 3)
        assert dict(made.locator) == {"url": "https://cdn.discordapp.com/x"}

    def test_a_question_is_quoted(self) -> None:
        """Others see what was asked, and with which files."""
        assert quoted("one\ntwo", ["a.csv"]) == "> one\n> two\n-# 📎 a.csv"
        assert len(quoted("x" * 5000, ["y" * 500] * 5)) <= 2000
        assert len(quoted("x\n" * 2000, [])) <= 2000


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("DISCORD_SHARDS", "-1"), ("DISCORD_GATEWAY_URL", "http://x"), ("DISCORD_API_URL", "x")],
    )
    def test_that_are_not_valid_are_named(self, name: str, value: str) -> None:
        """The operator reads which variable is wrong."""
        with pytest.raises(SettingsError, match=name):
            DiscordSettings.read({name: value})

    def test_keep_the_token_to_themselves(self) -> None:
        """A logged settings object shows no token."""
        settings = DiscordSettings.read({"DISCORD_TOKEN": "very-secret"})

        assert settings.token == "very-secret"
        assert "very-secret" not in repr(settings)


def test_the_published_description_takes_the_commands() -> None:
    """What is registered is what Discord's own description allows."""
    spec = Path("../shared/spec/discord-openapi.json")
    if not spec.exists():
        pytest.skip("the published description is not there")
    names = json.loads(spec.read_text())["components"]["schemas"]

    allowed = set(names["ApplicationCommandUpdateRequest"]["properties"])

    assert all(set(each) <= allowed for each in menu.payload(SPECS))
