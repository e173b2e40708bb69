"""Settings about keeping: what goes into containers, and when things are deleted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class Upkeep(BaseSettings):
    """The part of the settings that is about workspaces and retention."""

    container_mode: Literal["auto", "explicit"] = Field(
        "auto",
        description="Who makes containers: the engine with the first question (`auto`), or "
        "Threadlab, which then names them and keeps them awake (`explicit`).",
    )
    explicit_keep_minutes: float = Field(
        120, gt=0, description="How long after the last message an explicit container is kept."
    )
    explicit_renewed_max: int = Field(
        100, ge=1, description="Most explicit containers that are kept awake at the same time."
    )
    workspace_max_mb: int = Field(
        2_000, ge=1, description="Most that is put into a fresh container, newest files first."
    )
    workspace_files_max: int = Field(
        500, ge=1, description="Most files that are put into a fresh container, newest first."
    )
    uploads_at_once: int = Field(
        8, ge=1, description="Uploads and deletions at the engine at the same time, for a thread."
    )
    zip_max_mb: int = Field(
        1_000, ge=1, description="Largest workspace that is handed over as one zip."
    )
    retention_days: float = Field(
        0,
        ge=0,
        description="Threads in which nothing happened for so long are erased for good; 0 keeps "
        "them for ever.",
    )
    workflows_keep_days: float = Field(
        7,
        gt=0,
        description="How long the records of finished turns' steps, and of commands that "
        "were written as messages, are kept.",
    )
    blobs_orphan_hours: float = Field(
        24,
        gt=0,
        description="How long bytes are kept that no file refers to, such as a zip that was "
        "handed over or an upload that was never sent.",
    )
    uploads_orphan_hours: float = Field(
        1,
        gt=0,
        description="How long after an upload whose end is not known its copy at the engine is "
        "looked for and deleted: longer than any upload takes.",
    )
    housekeeping_seconds: float = Field(
        3_600, gt=0, description="How often what is past its time is looked for and deleted."
    )
    housekeeping_at_once: int = Field(
        500, ge=1, description="Most threads or records of one kind deleted in one such round."
    )
    forget_wait_seconds: float = Field(
        30, gt=0, description="Longest wait for a running answer to end before it is erased."
    )
