"""Files into the page's server and out of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import Answer, Artifact, Attachment, IncomingMessage, Progress
from bot.errors import AttachmentUnavailable
from tests.fakes.core import FakeCore
from tests.fakes.web import WebSite, serve
from tests.fakes.web_scripts import artifact

_PNG = b"\x89PNG\r\n\x1a\n0000"


async def with_files(core: FakeCore, message: IncomingMessage) -> AsyncIterator[Progress | Answer]:
    """A script that delivers one file of each kind."""
    key = message.key
    files: tuple[Artifact, ...] = (
        await artifact(core, key, "png", "chart.png", "image/png", _PNG),
        await artifact(core, key, "csv", "täble 1.csv", "text/csv", b"a\n1\n"),
        await artifact(core, key, "svg", "x.svg", "image/svg+xml", b"<svg onload='x'/>"),
        await artifact(core, key, "html", "x.html", "text/html", b"<script>1</script>"),
    )
    yield Answer(f"turn-{message.id}", "[get it](artifact:csv)", artifacts=files)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with serve(tmp_path, with_files, attachment_limit_bytes=1000) as running:
        yield running


async def _read(site: WebSite, attachment: Attachment) -> bytes:
    key = site.core.accepted[-1].key
    return b"".join([chunk async for chunk in site.platform.read(key, attachment)])


class TestUploads:
    async def test_can_be_read_again_by_the_core(self, site: WebSite) -> None:
        """What was uploaded is what the core reads, byte for byte."""
        conversation = await site.create()
        content = bytes(range(256)) * 3
        await site.say(conversation, "", (await site.upload(conversation, "b.bin", content),))

        assert await _read(site, site.core.accepted[0].attachments[0]) == content

    async def test_of_nothing_are_taken_with_a_warning(self, site: WebSite) -> None:
        """An empty file is no error, but the person is told."""
        conversation = await site.create()

        answer = await site.client.post(f"/api/conversations/{conversation}/files?name=e.csv")

        assert answer.status_code == 201
        assert answer.json()["warning"] == "This file is empty."

    async def test_too_large_are_refused_before_their_bytes_are_read(self, site: WebSite) -> None:
        """The announced length is enough to refuse."""
        conversation = await site.create()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.split(":")[-1]))
        writer.write(
            f"POST /api/conversations/{conversation}/files?name=big.bin HTTP/1.1\r\n"
            "Host: localhost\r\nContent-Length: 600000000\r\n\r\n".encode()
        )
        async with asyncio.timeout(5):
            answer = await reader.read(4000)
        writer.close()

        assert b" 413 " in answer.splitlines()[0]

    async def test_too_large_are_refused_while_streaming(self, site: WebSite) -> None:
        """A body without a length is cut at the limit, with a sentence."""
        conversation = await site.create()

        async def body() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"x" * 400

        answer = await site.client.post(
            f"/api/conversations/{conversation}/files?name=big.bin", content=body()
        )

        assert answer.status_code == 413
        assert "big.bin is larger than" in answer.json()["error"]

    async def test_keep_hostile_names_as_text(self, site: WebSite) -> None:
        """A name that is a path is shown, and leads nowhere."""
        conversation = await site.create()
        upload = await site.upload(conversation, "../../etc/passwd", b"root")
        await site.say(conversation, "", (upload,))

        shown = (await site.read(conversation))["messages"][0]["files"][0]
        got = await site.client.get(shown["url"])

        assert shown["name"] == "../../etc/passwd"
        assert shown["url"].endswith("/passwd")
        assert got.content == b"root"

    async def test_that_are_gone_are_told_with_a_sentence(self, site: WebSite) -> None:
        """The core learns why a file can't be read."""
        conversation = await site.create()
        await site.say(conversation, "hello")
        gone = Attachment("x", "old.csv", "text/csv", 3, {"sha256": "0" * 64})

        with pytest.raises(AttachmentUnavailable, match=r"old\.csv is no longer kept"):
            await _read(site, gone)

    async def test_that_stand_still_are_broken_off(self, tmp_path: Path) -> None:
        """A browser that stops sending does not hold a connection for ever."""
        environ = {"WEB_UPLOAD_IDLE_SECONDS": "0.05"}
        async with serve(tmp_path, environ=environ) as site:
            conversation = await site.create()
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(site.url.split(":")[-1])
            )
            writer.write(
                f"POST /api/conversations/{conversation}/files?name=slow.bin HTTP/1.1\r\n"
                "Host: localhost\r\nContent-Length: 100\r\n\r\nabc".encode()
            )
            async with asyncio.timeout(5):
                answer = await reader.read(4000)
            writer.close()

        assert b" 408 " in answer.splitlines()[0]


class TestArtifacts:
    @pytest.mark.parametrize(
        ("file", "disposition", "media_type"),
        [
            ("png", "inline", "image/png"),
            ("csv", "attachment", "application/octet-stream"),
            ("svg", "attachment", "application/octet-stream"),
            ("html", "attachment", "application/octet-stream"),
        ],
    )
    async def test_show_images_and_download_the_rest(
        self, site: WebSite, file: str, disposition: str, media_type: str
    ) -> None:
        """Only harmless images are shown in the browser; SVG and HTML never are."""
        conversation = await site.create()
        await site.say(conversation, "files please")
        files = {item["id"]: item for item in (await site.answered(conversation))["files"]}

        got = await site.client.get(files[file]["url"])

        assert got.status_code == 200
        assert got.headers["content-disposition"].startswith(disposition)
        assert got.headers["content-type"].startswith(media_type)
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]

    async def test_keep_their_names(self, site: WebSite) -> None:
        """A download is called as the code called it, letters beyond ASCII included."""
        conversation = await site.create()
        await site.say(conversation, "files please")
        table = (await site.answered(conversation))["files"][1]

        got = await site.client.get(table["url"])

        assert got.content == b"a\n1\n"
        assert "filename*=UTF-8''t%C3%A4ble%201.csv" in got.headers["content-disposition"]

    async def test_belong_to_their_conversation(self, site: WebSite) -> None:
        """An artifact's id does not open it from another conversation."""
        first, second = await site.create(), await site.create()
        await site.say(first, "files please")
        await site.answered(first)

        got = await site.client.get(f"/api/conversations/{second}/artifacts/csv/x.csv")

        assert got.status_code == 404

    async def test_are_linked_from_the_text(self, site: WebSite) -> None:
        """A link written `artifact:…` leads to the download."""
        conversation = await site.create()
        await site.say(conversation, "files please")
        answer = await site.answered(conversation)

        assert f'href="{answer["files"][1]["url"]}"' in answer["html"]
