"""The engine's settings as its embedding program hands them over."""

from __future__ import annotations

from engine.embedded import settings_from


def test_reads_variables_by_prefix() -> None:
    """`ENGINE_…` variables become settings; others are not looked at."""
    given = {"ENGINE_KEYS": "a, b,", "ENGINE_CONTAINER_IDLE_SECONDS": "2.5", "IDLE": "9"}

    settings = settings_from(given)

    assert settings.keys == ("a", "b")
    assert settings.container_idle_seconds == 2.5
