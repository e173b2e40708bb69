"""The directions of imports are complete: a new module of the core is closed to adapters."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPEN_TO_ADAPTERS = {"bot.commands", "bot.domain", "bot.errors", "bot.ports", "bot.serving"}


def test_every_module_of_the_core_is_open_or_closed_to_adapters() -> None:
    """What is not one of the open modules stands in import-linter's list of closed ones."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = settings["tool"]["importlinter"]["contracts"][0]
    modules = {
        f"bot.{path.stem}"
        for path in (ROOT / "bot").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem != "__init__"
    }

    assert modules - OPEN_TO_ADAPTERS == set(contract["forbidden_modules"]) - {"engine"}
