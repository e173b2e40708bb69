"""Settings about the database, and about the workers that share it."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

_HOST = re.compile(r"([^:]*|\[[^\]]*\])(:\d+)?")


class Sharing(BaseSettings):
    """The part of the settings that is about the database and its workers."""

    database_url: SecretStr | None = Field(
        None,
        description="A PostgreSQL database for all state but files: `postgresql://…`. "
        "Several workers may share it.",
    )
    database_connections: int = Field(
        10,
        ge=2,
        description="Most connections of one worker to PostgreSQL; its workflows take as many.",
    )
    database_timeout_seconds: float = Field(
        30, gt=0, description="How long a statement waits for a locked database."
    )
    database_connect_seconds: int = Field(
        10, ge=2, description="Longest wait for a connection to PostgreSQL."
    )
    database_silence_seconds: int = Field(
        20,
        ge=4,
        le=600,
        description="After how long a PostgreSQL server that no longer acknowledges what is sent "
        "to it counts as gone (its host is lost, or the network between). Not over a Unix socket.",
    )
    database_idle_transaction_seconds: float = Field(
        10,
        gt=0,
        description="After how long PostgreSQL breaks off a transaction in which nothing happens: "
        "that of a worker that was paused would hold its locks until it is woken.",
    )

    worker_heartbeat_seconds: float = Field(
        2, gt=0, description="How often a worker tells the others on its database that it is alive."
    )
    worker_dead_seconds: float = Field(
        12,
        gt=0,
        le=30,
        description="After how long a silence the other workers take a worker's turns over; "
        "at least three heartbeats.",
    )
    worker_stray_seconds: float = Field(
        10,
        ge=3,
        description="How long a turn may be under way at no worker before one takes it: longer "
        "than the second or two in which it is handed over.",
    )
    worker_rebalance_seconds: float = Field(
        60,
        ge=0,
        description="How long a worker has more than its part of what the workers divide "
        "(Discord's shards) before it gives some up to new ones.",
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        address = value.get_secret_value() if value else ""
        if address and not address.startswith(("postgresql://", "postgres://")):
            raise ValueError("an address begins with postgresql://; without one, SQLite is used")
        person, _, host = urlsplit(address).netloc.rpartition("@")
        if "@" in person or not _HOST.fullmatch(host):
            raise ValueError(
                "write postgresql://user:password@host:port/database, and special characters of "
                "the password as %40 for @, %2F for /, %3A for :"
            )
        return value if address else None

    @model_validator(mode="after")
    def _gives_up_late(self) -> Self:
        if self.worker_dead_seconds < 3 * self.worker_heartbeat_seconds:
            raise ValueError("WORKER_DEAD_SECONDS must be three WORKER_HEARTBEAT_SECONDS or more")
        return self
