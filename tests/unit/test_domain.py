"""The words of the domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import ThreadKey

parts = st.text(min_size=0, max_size=20)


class TestThreadKey:
    @given(parts, parts, parts, parts)
    def test_round_trip(self, platform: str, workspace: str, channel: str, thread: str) -> None:
        """A key written as text reads back as the same key, whatever its parts contain."""
        key = ThreadKey(platform, workspace, channel, thread)

        assert ThreadKey.parse(str(key)) == key

    @given(parts, parts)
    def test_no_collision(self, one: str, other: str) -> None:
        """Two different threads never share a text."""
        first = str(ThreadKey("p", one, other, ""))
        second = str(ThreadKey("p", one + "/" + other, "", ""))

        assert first != second

    def test_malformed(self) -> None:
        """A text that has not four parts is refused."""
        with pytest.raises(ValueError, match="unpack"):
            ThreadKey.parse("slack/T1/C1")
