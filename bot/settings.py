"""The operator's settings: from the environment or `.env`, each with its unit in its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from bot.prices import Prices
from bot.rules import Names, Rules, names
from bot.sharing import Sharing
from bot.upkeep import Upkeep

OPENAI = "https://api.openai.com/v1"

MemoryLimit = Literal["1g", "4g", "16g", "64g"]


class Settings(Rules, Sharing, Upkeep):
    """Settings of the core. Adapters and the engine read their own from the same environment."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = Field(
        Path("data"), description="Where all state lives, or with DATABASE_URL the files alone."
    )
    blobs_url: str | None = Field(
        None,
        description="An object store for files: `s3://bucket/prefix`, `gs://…` or `az://…`, with "
        "its keys in the environment as usual; unset, they lie in `DATA_DIR/blobs`.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least important log line that is written."
    )

    health_host: str = Field(
        "127.0.0.1", description="Address on which `/health` and `/metrics` are served."
    )
    health_port: int | None = Field(
        None, ge=0, le=65_535, description="Its port; unset, nothing is served."
    )
    health_seconds: float = Field(
        5, gt=0, description="How long a part may take to say that it is well."
    )

    engine: Literal["embedded"] | None = Field(
        None, description="`embedded` answers with Threadlab's own engine, on this machine."
    )

    openai_api_key: SecretStr | None = Field(None, description="Key for the Responses API.")
    openai_base_url: str | None = Field(None, description="Another server with the same API.")
    openai_model: str = Field("gpt-5", description="The model that answers.")
    openai_effort: Literal["minimal", "low", "medium", "high"] | None = Field(
        None, description="Reasoning effort; unset leaves the model's own default."
    )
    openai_models: Names = Field(
        (), description="Models that people may choose besides OPENAI_MODEL, comma-separated."
    )
    openai_efforts: Names = Field(
        ("minimal", "low", "medium", "high"),
        description="Reasoning efforts that people may choose, comma-separated.",
    )
    openai_background: bool = Field(
        True,
        description="Responses run in the background, so that a crash resumes them. "
        "Switch off for organisations with zero data retention.",
    )
    memory_limit: MemoryLimit = Field("1g", description="Memory tier of new containers.")
    container_idle_seconds: int = Field(
        1200, ge=1, description="After how long unused the engine ends a container."
    )

    followups: Literal["all", "smart", "mentions"] = Field(
        "smart",
        description="Which messages that name nobody are answered in threads of the bot: `all`, "
        "none (`mentions`), or those written while only one person is in the thread (`smart`).",
    )

    channel_settings_seconds: float = Field(
        10, gt=0, description="After how long other workers know what admins set for a channel."
    )
    channel_instructions_chars: int = Field(
        2_000, ge=0, description="Longest instructions that admins may set for a channel."
    )

    attachment_max_mb: int = Field(512, ge=1, description="Largest file taken from a person.")
    attachment_attempts: int = Field(
        4, ge=1, description="How often a file is fetched from a chat that fails at it."
    )
    attachments_max: int = Field(50, ge=1, description="Most files taken with one message.")
    artifact_max_mb: int = Field(512, ge=1, description="Largest file kept from a container.")
    artifacts_max: int = Field(50, ge=1, description="Most files delivered with one answer.")
    code_shown_characters: int = Field(
        1_800, ge=100, description="Longest code that `code` shows in the chat; else it is a file."
    )
    notebook_embed_mb: int = Field(
        10, ge=0, description="Data and images put into a notebook; what is more lies beside it."
    )
    notebook_turns_max: int = Field(500, ge=1, description="Most questions in one notebook.")
    upload_keep_days: int = Field(
        30, ge=1, le=30, description="After how long the engine deletes an uploaded file."
    )
    turn_seconds: float = Field(900, gt=0, description="Longest time one question may take.")
    engine_connect_seconds: float = Field(
        10, gt=0, description="Longest wait for a connection to the engine."
    )
    engine_silence_seconds: float = Field(
        300, gt=0, description="Longest silence of the engine within one stream."
    )
    engine_cancel_seconds: float = Field(
        10, gt=0, description="Longest wait for the engine to end a response."
    )
    engine_requests_per_minute: int = Field(
        100,
        ge=0,
        description="Most questions that all workers together ask in a minute; 0: no limit. "
        "Threadlab's own engine has none.",
    )
    engine_burst: int = Field(
        12, ge=1, description="How many of them may go at once after a quiet time."
    )
    engine_waiting_max: int = Field(
        1_000,
        ge=1,
        description="Most questions that wait for the engine; more are refused, but for the first "
        "of each channel.",
    )
    engine_queue_look_seconds: float = Field(
        5, gt=0, description="Longest time between two looks at the queue of one that waits."
    )
    engine_attempts: int = Field(
        4, ge=1, description="How often a question is put to an engine that refuses or fails."
    )
    engine_file_retries: int = Field(
        3,
        ge=0,
        description="How often fetching what code made is repeated, where the engine fails at it "
        "or has no time.",
    )
    retry_wait_seconds: float = Field(
        60, gt=0, description="Longest single wait that a busy engine may ask for."
    )
    post_attempts: int = Field(
        15,
        ge=1,
        description="How often an answer, or the reply it goes into, is offered to a chat that is "
        "away, with pauses from half a second that double, up to an hour: fifteen take about two "
        "hours. What a command came to is offered as often, with pauses of a minute at most.",
    )
    step_attempts: int = Field(
        4,
        ge=1,
        description="How often a step of a turn is tried while the database, the disk or the "
        "store of files refuses.",
    )
    settle_attempts: int = Field(
        8, ge=2, description="How often closing a turn is tried while the database refuses."
    )
    turns_at_once: int = Field(
        150,
        ge=1,
        description="Turns that run at the same time, without those that wait for the engine's "
        "pace. Others wait in fair order between channels.",
    )
    sweep_seconds: float = Field(
        15, gt=0, description="How often forgotten turns are looked for and started."
    )
    order_minutes: float = Field(
        15,
        gt=0,
        description="How old a command that was written as a message may be when it is followed; "
        "an older one is answered with a sentence.",
    )
    shutdown_seconds: float = Field(
        20,
        gt=0,
        description="How long running turns may take to finish after SIGTERM. 30 seconds later the "
        "process ends whatever hangs, as with a database that is gone.",
    )
    workflows_poll_seconds: float = Field(
        1, gt=0, description="How often the library of durable workflows looks for notices."
    )

    @field_validator("openai_models", "openai_efforts", mode="before")
    @classmethod
    def _are_names(cls, value: Any) -> Any:
        return names(value)

    @field_validator("openai_base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        return value or None

    @property
    def database(self) -> Path | str:
        """Where threads, messages, turns and files are kept: a file or an address."""
        return self.database_url.get_secret_value() if self.database_url else self.database_path

    @property
    def workflows_database(self) -> Path | str:
        """Where the durable steps of turns are kept: a file or an address."""
        return self.database_url.get_secret_value() if self.database_url else self.workflows_path

    @property
    def shared(self) -> bool:
        """Whether several workers may run on this database."""
        return self.database_url is not None

    @property
    def models(self) -> tuple[str, ...]:
        """The models that people may choose, the default one first."""
        return tuple(dict.fromkeys((self.openai_model, *self.openai_models)))

    @property
    def efforts(self) -> tuple[str, ...]:
        """The reasoning efforts that people may choose."""
        own = (self.openai_effort,) if self.openai_effort else ()
        return tuple(dict.fromkeys((*self.openai_efforts, *own)))

    @property
    def prices(self) -> Prices:
        """The price table; our own engine costs nothing. What other servers than OpenAI's cost is
        known as far as the operator says so."""
        host = urlsplit(self.openai_base_url or OPENAI).hostname or ""
        known = {"prices_tokens", "prices_container"} & self.model_fields_set
        listed = f".{host}".endswith(".openai.com")
        return Prices(
            tokens=self.prices_tokens if listed or "prices_tokens" in known else {},
            sessions=self.prices_container if listed or "prices_container" in known else {},
            session_minutes=self.prices_container_minutes,
            free=self.embedded,
        )

    @property
    def database_path(self) -> Path:
        """The file with threads, messages, turns and files."""
        return self.data_dir / "threadlab.db"

    @property
    def workflows_path(self) -> Path:
        """The file with the durable steps of turns (DBOS)."""
        return self.data_dir / "workflows.db"

    @property
    def blobs_path(self) -> Path:
        """The folder with the bytes of attachments and artifacts."""
        return self.data_dir / "blobs"

    @property
    def blobs_place(self) -> str:
        """Where the files are, for people."""
        return self.blobs_url or str(self.blobs_path)

    @property
    def has_engine(self) -> bool:
        """Whether the operator named an engine at all."""
        return bool(self.openai_api_key or self.openai_base_url or self.engine)

    @property
    def embedded(self) -> bool:
        """Whether Threadlab's own engine answers: asked for, or as nothing else is named."""
        return self.engine is not None or not self.has_engine

    @property
    def engine_key(self) -> str:
        """The key for an engine that is not our own; some servers ask for none."""
        return self.openai_api_key.get_secret_value() if self.openai_api_key else "none"


def env_file_values(env_file: Path = Path(".env")) -> Mapping[str, str]:
    """What stands in `.env`; nothing where there is none."""
    return {name: value for name, value in dotenv_values(env_file).items() if value is not None}


def environment() -> Mapping[str, str]:
    """The environment with `.env` under it, for adapters and the engine."""
    return {**env_file_values(), **os.environ}
