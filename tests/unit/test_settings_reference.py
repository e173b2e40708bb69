"""The page of all settings is written from the code, and complete."""

from __future__ import annotations

import pytest

from bot.variables import setting_classes, variables
from scripts.settings_reference import PAGE, render


def test_the_page_is_up_to_date() -> None:
    """docs/reference/settings.md is what the settings classes say."""
    assert PAGE.read_text() == render(), "run `python -m scripts.settings_reference`"


@pytest.mark.parametrize("name", sorted(setting_classes()))
def test_every_setting_is_described(name: str) -> None:
    """Each setting says in a sentence what it does."""
    fields = variables(setting_classes()[name])

    assert not [variable for variable, field in fields.items() if not field.description]
    assert all((field.description or "").endswith(".") for field in fields.values())


def test_names_belong_to_one_setting() -> None:
    """No variable is read as two different settings."""
    names = [name for model in setting_classes().values() for name in variables(model)]

    assert len(names) == len(set(names))
