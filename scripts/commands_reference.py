"""Writes the list of chat commands in docs/reference/commands.md from the registry.

Run it as `python -m scripts.commands_reference`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.app import application
from bot.commands.parsing import signature
from bot.ports import CommandSpec, Place
from bot.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
BEGIN = "<!-- The list is written by `python -m scripts.commands_reference`. -->\n"
END = "<!-- End of the list. -->\n"


class Defaults(Settings):
    """Settings that nothing on this machine changes."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, and nothing else."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


async def specs() -> Sequence[CommandSpec]:
    """All commands, as a started Threadlab has them; nothing is asked of an engine."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Defaults(data_dir=Path(folder), openai_base_url="http://127.0.0.1:9/v1")
        async with application(settings, {}, []) as app:
            return list(app.services.commands.specs)


def render(page: str, commands: Sequence[CommandSpec]) -> str:
    """The page with the list as it is now."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = [_line(spec) for spec in commands if spec.listed]
    return f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{tail}"


def _line(spec: CommandSpec) -> str:
    marks = ["for admins"] if spec.admin else []
    marks += ["also in a channel"] if spec.place is Place.ANYWHERE else []
    mark = f" *({', '.join(marks)})*" if marks else ""
    return f"- `{signature(spec)}`: {spec.help}{mark}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(), asyncio.run(specs())))
