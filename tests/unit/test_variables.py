"""Variables that nothing reads, told from those that are somebody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.variables import Stranger, known, strangers


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("OPENAI_BASEURL", "OPENAI_BASE_URL"),
        ("ENGINE_SANDBX", "ENGINE_SANDBOX"),
        ("DATADIR", "DATA_DIR"),
        ("openai_api_key", "OPENAI_API_KEY"),
    ],
)
def test_a_mistyped_name(name: str, meant: str) -> None:
    """A name close to a setting's is told with the setting."""
    assert strangers([name]) == [Stranger(name, meant)]


@pytest.mark.parametrize("name", ["ENGINE_TURBO", "WEB_THEME", "THREADLAB_DEBUG"])
def test_a_name_with_our_prefix(name: str) -> None:
    """A name that begins as ours do, but resembles none, is told without a guess."""
    assert strangers([name]) == [Stranger(name, None)]


@pytest.mark.parametrize("name", ["PATH", "HOME", "OPENAI_ORG_ID", "SLACK_BOT_TOKEN", "LANG"])
def test_other_peoples_variables(name: str) -> None:
    """What other programs and the openai client read is not told."""
    assert strangers([name]) == []


def test_what_stands_in_env_is_ours() -> None:
    """In `.env` every name is meant for Threadlab."""
    assert strangers(["COLOUR"], ours=frozenset({"COLOUR"})) == [Stranger("COLOUR", None)]


@given(st.sampled_from(sorted(known())))
def test_settings_are_no_strangers(name: str) -> None:
    """No setting is taken for a mistake."""
    assert strangers([name]) == []
