"""Which adapters run with which settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.plugins import wanted_adapters
from tests.fakes.threadlab import settings_for

SLACK = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}


class TestWantedAdapters:
    def test_nothing_set(self, tmp_path: Path) -> None:
        """Without any token the local page runs, and needs no engine setting."""
        settings = settings_for(tmp_path, None, openai_api_key=None)

        assert [adapter.name for adapter in wanted_adapters(settings, {})] == ["web"]

    @pytest.mark.parametrize("environ", [SLACK, {"DISCORD_TOKEN": "x"}])
    def test_chat_without_an_engine(self, tmp_path: Path, environ: dict[str, str]) -> None:
        """A chat never gets the offline planner silently: the refusal names the two ways."""
        settings = settings_for(tmp_path, None, openai_api_key=None)

        with pytest.raises(SettingsError) as refused:
            wanted_adapters(settings, environ)

        assert "OPENAI_API_KEY" in str(refused.value)
        assert "ENGINE=embedded" in str(refused.value)

    def test_chat_with_the_embedded_engine(self, tmp_path: Path) -> None:
        """Whoever asks for the embedded engine gets it."""
        settings = settings_for(tmp_path, None, openai_api_key=None, engine="embedded")

        assert [adapter.name for adapter in wanted_adapters(settings, SLACK)] == ["slack"]

    def test_page_beside_a_chat(self, tmp_path: Path) -> None:
        """The page runs beside a chat where it is asked for."""
        settings = settings_for(tmp_path, None, engine="embedded")
        names = {adapter.name for adapter in wanted_adapters(settings, {**SLACK, "WEB": "true"})}

        assert names == {"slack", "web"}
