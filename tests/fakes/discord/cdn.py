"""The CDN: files behind signed links that expire after a day [doc: signed attachment URLs]."""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote

from aiohttp import web

from tests.fakes.discord.clock import Clock
from tests.fakes.discord.records import StoredFile

LINK = re.compile(r"/cdn/attachments/\d+/(\d+)/[^/]+")
SECRET = b"loopback cdn"


class Cdn:
    """Files by id. `downloads` lists the ids that were fetched."""

    def __init__(self, clock: Clock, lifetime_seconds: float) -> None:
        self._clock = clock
        self.lifetime_seconds = lifetime_seconds
        self.base_url = ""
        self.files: dict[int, StoredFile] = {}
        self.downloads: list[int] = []

    def keep(self, file: StoredFile) -> StoredFile:
        """Stores a file."""
        self.files[file.id] = file
        return file

    def link(self, file: StoredFile) -> str:
        """A fresh link to the file."""
        issued = int(self._clock.now())
        expires = f"{issued + int(self.lifetime_seconds):x}"
        path = f"/attachments/{file.channel_id}/{file.id}/{quote(file.filename)}"
        query = f"ex={expires}&is={issued:x}&hm={self._signature(file.id, expires)}"
        return f"{self.base_url}{path}?{query}&"

    def fetch(self, file_id: int, expires: str, signature: str) -> StoredFile | None:
        """The file of a link, or None where Discord answers 404: expired, forged or gone."""
        file = self.files.get(file_id)
        genuine = hmac.compare_digest(signature, self._signature(file_id, expires))
        if file is None or not genuine or int(expires, 16) <= self._clock.now():
            return None
        self.downloads.append(file_id)
        return file

    def answer(self, request: web.Request) -> web.Response:
        """The answer to a download: the file, or 404 as for avatars, which nobody has."""
        found = LINK.fullmatch(request.path)
        query = request.query
        file = found and self.fetch(int(found[1]), query.get("ex", "0"), query.get("hm", ""))
        if not file:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=file.content, content_type=file.content_type)

    def _signature(self, file_id: int, expires: str) -> str:
        return hmac.new(SECRET, f"{file_id}:{expires}".encode(), hashlib.sha256).hexdigest()
