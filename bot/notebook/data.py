"""The files that a notebook's code opens: under which names, and the cell that lays them out.

The code ran in /mnt/data. In the notebook it runs in the folder `work` beside it, and `/mnt/data`
becomes `.`: that needs no rights, and works on Windows too.
"""

from __future__ import annotations

import ast
import base64
import re
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.names import DATA_FOLDER, name_in_data
from bot.store.files import Origin, StoredFile

WORK_FOLDER = "work"
BESIDE_FOLDER = "data"
_LINE_CHARACTERS = 96
_MOUNTED = re.compile(rf"{DATA_FOLDER}/((?:c?file)[-_]\w{{4,80}}-[^\"'\n]{{1,255}})")
_FOLDER = re.compile(rf"{DATA_FOLDER}(?![\w-])")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\\]')
# What is installed under another name than it is imported by.
_PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "docx": "python-docx",
    "fitz": "pymupdf",
    "pptx": "python-pptx",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}

SETUP = """\
# Lays out the conversation's files in the folder "{work}", where the code below runs.
import base64, os, shutil, zlib
from pathlib import Path

if "_beside" not in globals():
    _beside = Path.cwd() / "{beside}"
    os.makedirs("{work}", exist_ok=True)
    os.chdir("{work}")
for _name in {names}:
    shutil.copy(_beside / _name, _name)
_packed = {packed}
for _name, _text in _packed.items():
    Path(_name).write_bytes(zlib.decompress(base64.b64decode(_text)))
"""


@dataclass(frozen=True, slots=True)
class Needed:
    """A file as the code opens it. `name` is its last part; `file` the version that lay there."""

    name: str
    file: StoredFile

    @property
    def portable(self) -> str:
        """The name as every system takes it."""
        return portable(self.name)


def needed(files: Sequence[StoredFile], codes: Sequence[tuple[str, int]]) -> dict[str, Needed]:
    """The files that code opens without having made them, by the names they had.

    What people sent always counts, as code may look for it in the folder; what code made counts
    where later code opens an upload of it. An upload that has been replaced since is known by the
    name it ends in: then it is the newest version of that time.

    Args:
        files: every version of every file, oldest first.
        codes: each piece of code, with how many of the versions there were by then.
    """
    found: dict[str, Needed] = {}
    for file in files:
        for name in _mounts(file):
            if file.origin is Origin.PERSON:
                found.setdefault(name, Needed(name, file))
    for code, known in codes:
        for mounted in _MOUNTED.findall(code):
            version = (
                _exactly(mounted, files)
                or _ending(mounted, files[:known])
                or _ending(mounted, files)
            )
            if version:
                found.setdefault(version[0], Needed(*version))
    return found


def opens_missing(code: str, files: Mapping[str, Needed]) -> bool:
    """Whether code opens an upload that is no longer kept."""
    return any(
        not any(mounted.startswith(name) for name in files) for mounted in _MOUNTED.findall(code)
    )


def relocated(code: str, files: Mapping[str, Needed]) -> str:
    """The code, its paths leading to the notebook's folder."""
    for name, file in files.items():
        if file.portable != name:
            code = code.replace(f"{DATA_FOLDER}/{name}", f"./{file.portable}")
    return _FOLDER.sub(".", code)


def setup_cell(beside: Iterable[str], embedded: Mapping[str, bytes]) -> str:
    """The code of the first cell: copies the files that lie beside the notebook, and unpacks those
    that are in it."""
    packed = "".join(
        f"    {name!r}: (\n{_packed(data)}\n    ),\n" for name, data in embedded.items()
    )
    return SETUP.format(
        work=WORK_FOLDER,
        beside=BESIDE_FOLDER,
        names=list(beside),
        packed=f"{{\n{packed}}}" if packed else "{}",
    ).rstrip()


def packages(codes: Iterable[str]) -> list[str]:
    """What has to be installed for the code to run."""
    roots: set[str] = set()
    for code in codes:
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # it failed when it ran, or has magics: what else imports is enough
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                roots |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                roots.add(node.module.partition(".")[0])
    return sorted({_PACKAGES.get(root, root) for root in roots - sys.stdlib_module_names})


def portable(name: str) -> str:
    """A name that Windows takes too."""
    return _NOT_ON_WINDOWS.sub("_", name)


def _mounts(file: StoredFile) -> list[str]:
    """The names under which a file lies, or lay, in a container."""
    uploaded = f"{file.engine_file_id}-{file.plain_name}" if file.engine_file_id else None
    placed = name_in_data(file.container_path) if file.container_path else None
    return [name for name in (placed, uploaded) if name and "/" not in name]


def _exactly(mounted: str, files: Iterable[StoredFile]) -> tuple[str, StoredFile] | None:
    matches = [(name, f) for f in files for name in _mounts(f) if mounted.startswith(name)]
    return matches[0] if matches else None


def _ending(mounted: str, files: Sequence[StoredFile]) -> tuple[str, StoredFile] | None:
    """The newest file whose name follows the upload's id."""
    for file in reversed(files):
        at = mounted.find(f"-{file.plain_name}")
        if at > 0:
            return mounted[: at + 1 + len(file.plain_name)], file
    return None


def _packed(data: bytes) -> str:
    text = base64.b64encode(zlib.compress(data, 9)).decode()
    lines = (text[at : at + _LINE_CHARACTERS] for at in range(0, len(text), _LINE_CHARACTERS))
    return "\n".join(f"        {line!r}" for line in lines)
