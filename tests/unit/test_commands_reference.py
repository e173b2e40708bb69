"""The page of all commands is written from the registry, and complete."""

from __future__ import annotations

from bot.commands.parsing import signature
from scripts.commands_reference import PAGE, render, specs


async def test_the_page_is_up_to_date() -> None:
    """docs/reference/commands.md lists the commands as they are."""
    commands = await specs()
    page = PAGE.read_text()

    assert page == render(page, commands), "run `python -m scripts.commands_reference`"
    assert all(f"`{signature(spec)}`" in page for spec in commands if spec.listed)


async def test_every_command_is_described() -> None:
    """Each command and each of its arguments says in words what it does."""
    for spec in await specs():
        assert spec.help
        assert all(argument.help for argument in spec.arguments)
        assert len({argument.name for argument in spec.arguments}) == len(spec.arguments)
