"""Shared by all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.platform import ScriptedChat
from tests.fakes.responses_api import FakeResponsesApi, Say, responses_api

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture
def recordings() -> Path:
    """The folder of recorded traffic; a test that needs it is skipped where it is missing."""
    if not (SHARED / "recordings").is_dir():
        pytest.skip("the recordings are not here")
    return SHARED / "recordings"


@pytest.fixture
def chat() -> ScriptedChat:
    """A scripted chat."""
    return ScriptedChat()


@pytest.fixture
async def api() -> AsyncIterator[FakeResponsesApi]:
    """A scripted engine that says "Done." until it is told otherwise."""
    async with responses_api(lambda body: [Say("Done.")]) as fake:
        yield fake
