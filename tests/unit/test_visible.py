"""What the model is shown, decided by bytes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.visible import Kind, kind_of

FORMATS = ["PNG", "JPEG", "WEBP", "GIF"]


def picture(format: str, *, frames: int = 1) -> bytes:
    first, *others = (Image.new("L", (8, 8), 40 * number) for number in range(frames))
    content = io.BytesIO()
    first.save(content, format, save_all=bool(others), append_images=others)
    return content.getvalue()


def kind(folder: Path, content: bytes) -> Kind | None:
    path = folder / "blob"
    path.write_bytes(content)
    return kind_of(path)


class TestKind:
    @pytest.mark.parametrize("format", FORMATS)
    def test_still(self, tmp_path: Path, format: str) -> None:
        """A still image is shown."""
        assert kind(tmp_path, picture(format)) is Kind.IMAGE

    @pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
    def test_animated(self, tmp_path: Path, format: str) -> None:
        """An animated image is left to code: the engine takes still ones only."""
        assert kind(tmp_path, picture(format, frames=3)) is None

    def test_document(self, tmp_path: Path) -> None:
        """A PDF is shown, page by page."""
        assert kind(tmp_path, b"%PDF-1.7\n") is Kind.DOCUMENT

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"a,b\n1,2\n",
            b"\x89PNG\r\n\x1a\n-not-really",
            picture("PNG")[:-20],
            picture("BMP"),
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        ],
    )
    def test_anything_else(self, tmp_path: Path, content: bytes) -> None:
        """What is no image of a kind that the engine takes, or a broken one, is left to code."""
        assert kind(tmp_path, content) is None

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        st.sampled_from(FORMATS),
        st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=4)), max_size=4),
        st.integers(0, 400),
    )
    def test_damage(
        self, tmp_path: Path, format: str, damage: list[tuple[int, bytes]], length: int
    ) -> None:
        """However an image is damaged, there is an answer and no exception."""
        content = bytearray(picture(format))
        for place, wrong in damage:
            content[place : place + len(wrong)] = wrong

        assert kind(tmp_path, bytes(content[:length])) in (Kind.IMAGE, None)
