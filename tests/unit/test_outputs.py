"""What is kept of a run's output."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from engine.outputs import Outputs


def outputs(
    chars: int = 100, images: int = 2, image_bytes: int = 1024**2, images_bytes: int = 1024**2
) -> Outputs:
    return Outputs(chars, images, image_bytes, images_bytes)


def test_value_stands_on_its_own_line() -> None:
    """A value after unfinished output, and output after a value, start a line."""
    kept = outputs()

    kept.take("stream", {"text": "a"})
    kept.take("execute_result", {"data": {"text/plain": "1"}})
    kept.take("stream", {"text": "b"})

    assert kept.logs == "a\n1\nb"


@given(st.lists(st.text(max_size=30)), st.integers(1, 60))
def test_text_is_bounded(texts: list[str], chars: int) -> None:
    """However it comes, no more text is kept than allowed, and a cut is said exactly then."""
    kept = outputs(chars)
    for text in texts:
        kept.take("stream", {"text": text})

    note = f"[output cut after {chars:,} characters]"
    assert len(kept.logs) <= chars + len(note) + 1
    assert kept.logs.endswith(note) == (sum(map(len, texts)) > chars)


def test_colours_are_removed() -> None:
    """Terminal colours don't show."""
    kept = outputs()

    kept.take("stream", {"text": "\x1b[31mred\x1b[0m"})

    assert kept.logs == "red"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
def test_images_are_bounded(images: list[bytes]) -> None:
    """The first images are kept whole, and the number left out is told."""
    kept = outputs(images=2)
    for image in images:
        kept.take("display_data", {"data": {"image/png": base64.b64encode(image).decode()}})

    assert kept.images == images[:2]
    assert (f"{len(images) - 2} images left out" in kept.logs) == (len(images) > 2)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_nonsense_is_harmless(nonsense: object) -> None:
    """Whatever a message holds, taking it raises nothing."""
    kept = outputs()
    for kind in ("stream", "display_data", "execute_result", "error", "status"):
        kept.take(kind, {"data": nonsense, "text": nonsense})
        kept.take(kind, {"data": {"image/png": nonsense, "text/plain": nonsense}})

    assert len(kept.logs) < 400


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(1, 200))
def test_images_are_bounded_together(images: list[bytes], most: int) -> None:
    """All images of a run together stay within their limit; how many are left out is said."""
    kept = outputs(images=8, images_bytes=most)
    for image in images:
        data = {"image/png": base64.b64encode(image).decode()}
        kept.take("display_data", {"data": data})

    left_out = len(images) - len(kept.images)
    assert sum(map(len, kept.images)) <= most
    assert (f"[{left_out} images left out" in kept.logs) == (left_out > 0)
    assert left_out == 0 or sum(map(len, images)) > most
