"""What runs inside the sandbox: an ipykernel with the usual libraries already imported.

The only file of the project that the code can see. Started as
`python kernel_main.py <connection file> <limits as JSON>`.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import matplotlib.pyplot
import numpy
import pandas  # noqa: F401 - imported so that the first cell finds it loaded
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp
from IPython.core.formatters import DisplayFormatter
from jupyter_client.session import Session
from matplotlib.figure import Figure

_MIMETYPES = ["text/plain", "image/png"]
_NICENESS = 5
_RETRY_SECONDS = 0.05
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class BoundedSession(Session):
    """Cuts at the source what a run sends, so that a flood costs neither socket nor server.

    The server holds the same limits itself; this class only saves it the work.
    """

    limits: ClassVar[dict[str, int]] = {
        "output_chars": 1 << 18,
        "images": 20,
        "image_chars": 1,
        "images_chars": 1,
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._run: str | None = None
        self._chars = 0
        self._images = 0
        self._image_chars = 0

    def send(self, stream: Any, msg_or_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a message unless its run has already said all that is kept."""
        if isinstance(msg_or_type, dict) and msg_or_type.get("msg_type") == "stream":
            self._begin(msg_or_type["parent_header"])
            if self._chars > self.limits["output_chars"]:
                return None
        return super().send(stream, msg_or_type, *args, **kwargs)

    def serialize(self, msg: dict[str, Any], ident: Any = None) -> list[bytes]:
        """Shorten every text of a message to what is kept of it, and drop too large images."""
        if isinstance(msg.get("content"), dict):
            self._begin(msg["parent_header"])
            msg = {**msg, "content": self._shorten(msg["content"])}
            if msg["header"]["msg_type"] == "stream":
                self._chars += len(msg["content"]["text"])
        return super().serialize(msg, ident)

    def _begin(self, parent: Any) -> None:
        run = parent.get("msg_id")
        if run != self._run:
            self._run, self._chars, self._images, self._image_chars = run, 0, 0, 0

    def _shorten(self, value: Any) -> Any:
        if isinstance(value, str):
            # One character more than is kept tells the server that something was cut.
            return value[: self.limits["output_chars"] + 1]
        if isinstance(value, dict):
            return {
                key: self._kept(item) if key == "image/png" else self._shorten(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._shorten(item) for item in value]
        return value

    def _kept(self, image: Any) -> str:
        """The image as base64, or nothing in its place."""
        if isinstance(image, bytes):
            image = base64.b64encode(image).decode()
        if not isinstance(image, str) or len(image) > self.limits["image_chars"]:
            return ""
        if self._image_chars + len(image) > self.limits["images_chars"]:
            return ""
        self._images += 1
        self._image_chars += len(image)
        return image if self._images <= self.limits["images"] else ""


class LabStream(OutStream):
    """stdout or stderr that goes on capturing what subprocesses write after a MemoryError."""

    def _watch_pipe_fd(self) -> None:
        super()._watch_pipe_fd()  # type: ignore[no-untyped-call]
        while self._exc is not None and self._should_watch:
            self._exc = None
            time.sleep(_RETRY_SECONDS)
            super()._watch_pipe_fd()  # type: ignore[no-untyped-call]


class SavedFigures(DisplayFormatter):
    """Shows no figure that the same run saved as a picture: the file is there already."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folder = Path.cwd().resolve()
        # Weak: a loop that saves and closes a thousand figures keeps none of them in memory.
        self._saved: WeakKeyDictionary[Figure, tuple[Path, dict[str, Any]]] = WeakKeyDictionary()
        self._save = Figure.savefig
        setattr(Figure, "savefig", self._noting(Figure.savefig))  # noqa: B010 - mypy forbids `=`

    def forget(self, *_: Any) -> None:
        """A run begins: what earlier ones saved may be shown again."""
        self._saved.clear()

    def format(self, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """What to show of an object; nothing of a figure that is in a file as it is now."""
        if isinstance(obj, Figure) and obj in self._saved and self._is_same(obj):
            return {}, {}
        return super().format(obj, *args, **kwargs)  # type: ignore[no-untyped-call]

    def _noting(self, save: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(save)
        def savefig(figure: Figure, fname: Any, **kwargs: Any) -> None:
            save(figure, fname, **kwargs)
            if isinstance(fname, str | os.PathLike):
                path = Path(fname).resolve()
                if path.suffix.lower() in _PICTURES and self._folder in path.parents:
                    self._saved[figure] = (path, kwargs)

        return savefig

    def _is_same(self, figure: Figure) -> bool:
        """Whether saving again gives the file: neither has changed since."""
        path, kwargs = self._saved[figure]
        again = io.BytesIO()
        try:
            self._save(figure, again, **{"format": path.suffix[1:].lower(), **kwargs})
            return path.read_bytes() == again.getvalue()
        except Exception:  # noqa: BLE001 - a lost file, a failing draw: showing it will tell
            return False


class LabKernelApp(IPKernelApp):
    """An ipykernel whose messages are bounded and whose figures come out as images."""

    def _session_default(self) -> Session:
        return BoundedSession(parent=self)


def main(connection_file: str, limits: str) -> None:
    """Serve the kernel until it is killed."""
    os.nice(_NICENESS)
    BoundedSession.limits = json.loads(limits)
    app = LabKernelApp.instance(connection_file=connection_file)
    app.outstream_class = f"{__name__}.LabStream"
    app.config.HistoryManager.enabled = False
    app.config.InteractiveShell.colors = "nocolor"
    app.config.InlineBackend.figure_formats = {"png"}
    app.initialize([])  # type: ignore[no-untyped-call]
    assert app.shell is not None
    saved = app.shell.display_formatter = SavedFigures(parent=app.shell)
    saved.active_types = _MIMETYPES
    app.shell.enable_matplotlib("inline")
    app.shell.events.register("pre_run_cell", saved.forget)
    app.shell.events.register("post_run_cell", _release)
    _draw_once()
    app.start()  # type: ignore[no-untyped-call]


def _release(result: Any) -> None:
    """After a MemoryError let go of what the traceback's frames hold, or it would stay full."""
    error = result.error_in_exec
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)


def _draw_once() -> None:
    """Load what the first figure would load."""
    figure, axes = matplotlib.pyplot.subplots()
    axes.plot(numpy.arange(2))
    figure.canvas.draw()
    matplotlib.pyplot.close(figure)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
