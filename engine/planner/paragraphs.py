"""What is said, as paragraphs: an empty line between two of them, none at a message's end."""

from __future__ import annotations

from collections.abc import Sequence

from engine.planner.protocol import Lab, LabFile, RunResult


class Paragraphs:
    """A lab that puts paragraphs together. A run of code ends the message before it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._is_begun = False

    async def files(self) -> Sequence[LabFile]:
        """All files in `/mnt/data` now, oldest first."""
        return await self._lab.files()

    async def run(self, code: str) -> RunResult:
        """Run code; what is said next begins a message."""
        self._is_begun = False
        return await self._lab.run(code)

    async def say(self, text: str) -> None:
        """Add a paragraph."""
        await self._lab.say(f"\n\n{text}" if self._is_begun else text)
        self._is_begun = True
