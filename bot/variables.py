"""Environment variables: which ones Threadlab and its packages know, and which look mistyped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot import plugins

OUR_PREFIXES = ("DISCORD_", "ENGINE_", "OPENAI_", "SLACK_", "THREADLAB_", "WEB_")
# Read by the openai client, the object store or scripts/setup.sh, or a chat's own.
ELSEWHERE = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_CUSTOM_HEADERS",
        "OPENAI_LOG",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "PYTHON",
    }
)
_LIKENESS = 0.86


@dataclass(frozen=True, slots=True)
class Stranger:
    """A variable that nothing reads; `meant` is the setting that it resembles, if any."""

    name: str
    meant: str | None


def variables(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The fields of a settings class by the variables that set them."""
    prefix = str(model.model_config.get("env_prefix", ""))
    return {f"{prefix}{name}".upper(): field for name, field in model.model_fields.items()}


def setting_classes() -> dict[str, type[BaseModel]]:
    """All installed settings classes, by the names of their entry points."""
    return plugins.load(plugins.SETTINGS)


def known() -> frozenset[str]:
    """The names of all settings."""
    return frozenset(name for model in setting_classes().values() for name in variables(model))


def strangers(given: Iterable[str], *, ours: frozenset[str] = frozenset()) -> list[Stranger]:
    """The variables that were meant for Threadlab, so it seems, but that nothing reads.

    Args:
        given: names of variables that are set.
        ours: those of them that are surely meant for Threadlab, as they stand in its `.env`.
    """
    settings = known()
    found = []
    for name in sorted(set(given) - settings - ELSEWHERE):
        meant = next(iter(get_close_matches(name.upper(), settings, 1, _LIKENESS)), None)
        if meant or name in ours or name.startswith(OUR_PREFIXES):
            found.append(Stranger(name, meant))
    return found
