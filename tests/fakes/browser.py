"""Chromium and a person in front of the page, for tests of any core behind it."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_ANSWER_SECONDS = 30
_DROP = """([name, type, content, how]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  if (how === "paste") {
    document.activeElement.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    return;
  }
  for (const kind of how === "drag" ? ["dragenter"] : ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(
      new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser, until the block ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class Person:
    """Somebody using the page in one tab. `errors` are the page's own (scripts, CSP)."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    @classmethod
    async def visit(
        cls,
        browser: Browser,
        url: str,
        *,
        width: int = 1280,
        height: int = 860,
        scheme: Literal["light", "dark"] = "light",
    ) -> Person:
        """Open the page at `url` in a fresh profile."""
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        person = cls(await context.new_page(), url)
        await person.page.goto(url)
        await person.ready()
        return person

    async def another_tab(self) -> Person:
        """The same browser profile, a second tab at the same address."""
        other = Person(await self.page.context.new_page(), self.page.url)
        await other.page.goto(self.page.url)
        await other.ready()
        return other

    async def ready(self) -> None:
        """Wait until the page listens to drops and keys."""
        await self.page.locator("body[data-ready]").wait_for()

    async def reload(self) -> None:
        """Load the page again."""
        await self.page.reload()
        await self.ready()

    async def drop(self, name: str, content: bytes, media_type: str = "") -> None:
        """Drop a file on the page and wait until it is uploaded or refused."""
        await self._give(name, content, media_type, "drop")
        await self.page.locator(".upload.ready, .upload.failed").last.wait_for()

    async def paste(self, name: str, content: bytes, media_type: str) -> None:
        """Paste a file and wait until it is uploaded."""
        await self.page.locator("#text").focus()
        await self._give(name, content, media_type, "paste")
        await self.page.locator(".upload.ready, .upload.failed").last.wait_for()

    async def drag_over(self, name: str = "sales.csv") -> None:
        """Hold a file over the page without letting go."""
        await self._give(name, b"x", "", "drag")

    async def write(self, text: str) -> None:
        """Write a message and send it with Enter."""
        await self.page.locator("#text").fill(text)
        await self.page.locator("#text").press("Enter")

    async def ask(self, text: str, *, timeout_seconds: float = _ANSWER_SECONDS) -> Locator:
        """Write a message and wait for its finished answer."""
        answers = await self.page.locator(".message.bot").count()
        await self.write(text)
        return await self.answer(answers, timeout_seconds=timeout_seconds)

    async def answer(self, number: int = 0, *, timeout_seconds: float = _ANSWER_SECONDS) -> Locator:
        """The bot's answer of that number, from 0, once it is finished."""
        answer = self.page.locator(".message.bot").nth(number)
        await expect(answer).to_have_attribute("data-state", "done", timeout=timeout_seconds * 1000)
        return answer

    async def open_runs(self, answer: Locator) -> list[Locator]:
        """Unfold every code run of a finished answer; the runs, in order."""
        if await answer.locator(".run-group").is_visible():
            await answer.locator(".run-group > summary").click()
        runs = await answer.locator(".run").all()
        for run in runs:
            await run.locator("summary").click()
        return runs

    async def download(self, link: Locator) -> tuple[str, bytes]:
        """Click a file to download it; its name and content."""
        async with self.page.expect_download() as waiting:
            await link.click()
        download = await waiting.value
        return download.suggested_filename, Path(await download.path()).read_bytes()

    async def screenshot(self, name: str) -> Path:
        """Keep a picture of the page in SCREENSHOTS (else in a temporary folder)."""
        folder = Path(os.environ.get("SCREENSHOTS") or tempfile.gettempdir()) / "."
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        await self.page.screenshot(path=path)
        return path

    async def _give(self, name: str, content: bytes, media_type: str, how: str) -> None:
        encoded = base64.b64encode(content).decode()
        await self.page.evaluate(_DROP, [name, media_type, encoded, how])

    def _console(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.errors.append(str(getattr(message, "text", "")))
