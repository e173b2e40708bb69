"""The engine's settings, from `ENGINE_…` variables or `.env`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MEBIBYTE = 1024 * 1024


class SandboxKind(StrEnum):
    """How code is kept apart from the machine."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


class EngineSettings(BaseSettings):
    """All settings of the engine; the data folder is given by the caller."""

    model_config = SettingsConfigDict(
        env_prefix="ENGINE_", env_file=".env", extra="ignore", use_attribute_docstrings=True
    )

    keys: Annotated[tuple[str, ...], NoDecode] = ()
    """API keys that are let in, comma-separated; none means that the caller makes a random one."""

    sandbox: SandboxKind = SandboxKind.BUBBLEWRAP
    """`none` runs code as the server's own user, unconfined: only for people one trusts fully."""

    cgroups: bool = True
    """Use control groups for memory and process limits where they are writable."""

    pool_size: int = Field(default=2, ge=0, le=64)
    """Warm kernels kept ready (about 80 MB each)."""

    kernels_max: int = Field(default=16, ge=1)
    """Most kernels of containers at once (about 105 MB each, idle). Beyond, the one that has been
    idle longest sleeps: its files stay, its variables go."""

    kernel_wait_seconds: float = Field(default=120, gt=0)
    """Longest wait for a kernel while all are busy; then a request is answered 429."""

    kernel_start_seconds: float = Field(default=60, gt=0)
    """Longest wait for a kernel to come up."""

    container_idle_seconds: float = Field(default=1200, gt=0)
    """A container that nobody used for so long expires."""

    code_seconds: float = Field(default=120, gt=0)
    """Longest run of one piece of code."""

    interrupt_grace_seconds: float = Field(default=3, gt=0)
    """From the interrupt of code that must stop to the end of its kernel."""

    disk_mb: int = Field(default=2048, ge=1)
    """Most that `/mnt/data` may hold, in MiB; a single file nine tenths of it."""

    disk_files_max: int = Field(default=20_000, ge=1)
    """Most files and folders in `/mnt/data`."""

    disk_poll_seconds: float = Field(default=0.25, gt=0)
    """How often the folder is measured while code runs."""

    disk_idle_poll_seconds: float = Field(default=5, gt=0)
    """How often the folder is measured between runs (background processes may still write)."""

    tmp_mb: int = Field(default=256, ge=1)
    """Size of each of `/tmp`, `/dev/shm` and the home folder inside (memory, not disk), in MiB."""

    output_kb: int = Field(default=256, ge=1)
    """Most text kept of one run, in KiB."""

    images_max: int = Field(default=20, ge=0)
    """Most images kept of one run."""

    image_mb: int = Field(default=10, ge=1)
    """Largest image that is kept, in MiB."""

    run_images_mb: int = Field(default=16, ge=1)
    """Most that the images of one run may have together, in MiB; the rest is left out."""

    response_images_mb: int = Field(default=32, ge=1)
    """Most that the images of one response may have together, in MiB; the rest is left out."""

    runs_max: int = Field(default=100, ge=1)
    """Most runs of code for one response; a request's `max_tool_calls` may lower it."""

    processes_max: int = Field(default=256, ge=16)
    """Most processes and threads of one kernel (numpy's threads count)."""

    file_mb: int = Field(default=512, ge=1)
    """Largest file that may be uploaded, in MiB."""

    request_mb: int = Field(default=64, ge=1)
    """Largest JSON body of a request (images may come inside, in base64), in MiB."""

    responses_max: int = Field(default=64, ge=1)
    """Most responses worked on at once; beyond, background ones wait and others get 429."""

    queue_max: int = Field(default=512, ge=0)
    """Most background responses waiting for their turn; beyond, a request is answered 429."""

    response_seconds: float = Field(default=900, gt=0)
    """Longest work on one response, from its start to its last event."""

    history_max: int = Field(default=50, ge=0)
    """How many earlier exchanges of a conversation the planner is told."""

    retention_days: float = Field(default=30, gt=0)
    """How long responses, their events and the records of expired containers are kept."""

    shutdown_seconds: float = Field(default=5, gt=0)
    """How long requests under way may take to end when the server stops."""

    @field_validator("keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key for key in (part.strip() for part in value.split(",")) if key)
        return value

    @property
    def disk_bytes(self) -> int:
        """Most bytes in `/mnt/data`."""
        return self.disk_mb * MEBIBYTE

    @property
    def output_chars(self) -> int:
        """Most characters kept of one run."""
        return self.output_kb * 1024

    @property
    def code_file_bytes(self) -> int:
        """Most bytes of one file that code writes: less than the whole disk, so that code meets
        this limit as an error that it sees before the folder's limit stops it."""
        return self.disk_bytes * 9 // 10

    @property
    def file_bytes(self) -> int:
        """Most bytes of one uploaded file."""
        return self.file_mb * MEBIBYTE

    @property
    def request_bytes(self) -> int:
        """Most bytes of one JSON body."""
        return self.request_mb * MEBIBYTE

    @property
    def image_bytes(self) -> int:
        """Most bytes of one image."""
        return self.image_mb * MEBIBYTE

    @property
    def run_images_bytes(self) -> int:
        """Most bytes of the images of one run."""
        return self.run_images_mb * MEBIBYTE

    @property
    def response_images_bytes(self) -> int:
        """Most bytes of the images of one response."""
        return self.response_images_mb * MEBIBYTE
