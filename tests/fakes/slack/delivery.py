"""Envelopes on their way to the app: by socket or signed HTTP, again until acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

import aiohttp

from tests.fakes.slack.records import Json

if TYPE_CHECKING:
    from tests.fakes.slack.fake import FakeSlack

# [facts: slack] an event is delivered again at once, after a minute, after five
REDELIVERY_SECONDS = (0.0, 60.0, 300.0)
_NO_CONNECTION = "connection_failed"
_COLLECT_SECONDS = 0.005


@dataclass
class Envelope:
    """Something for the app, and what became of it. `response` came with the ack.

    `sent_at` and `acknowledged_at` are real times (time.monotonic), for measuring.
    """

    type: Literal["events_api", "slash_commands", "interactive"]
    payload: Json
    attempts: int = 0
    acknowledged: bool = False
    response: Json | None = None
    state: Literal["sending", "waiting", "done"] = "sending"
    failures: list[str] = field(default_factory=list)
    sent_at: float = 0.0
    acknowledged_at: float = 0.0


class Delivery:
    """All that was ever sent, in order, and how.

    `http_url` switches from Socket Mode to signed requests to that address.
    """

    def __init__(self, slack: FakeSlack, ack_timeout_seconds: float) -> None:
        self.ack_timeout_seconds = ack_timeout_seconds
        self.http_url: str | None = None
        self.sent: list[Envelope] = []
        # Real seconds that an event is late by: two may change places.
        self.lag_seconds: Callable[[], float] = lambda: 0.0
        self._slack = slack

    def send(self, envelope: Envelope) -> Coroutine[Any, Any, Envelope]:
        """Note it as sent; awaited, deliver it: an event until acknowledged or given up."""
        self.sent.append(envelope)
        return self._send(envelope)

    async def settled(self, timeout_seconds: float = 10.0) -> None:
        """Wait until nothing is on its way (what waits for a redelivery does not count)."""
        async with asyncio.timeout(timeout_seconds):
            while any(envelope.state == "sending" for envelope in self.sent):
                await asyncio.sleep(_COLLECT_SECONDS)

    async def _send(self, envelope: Envelope) -> Envelope:
        delays = REDELIVERY_SECONDS if envelope.type == "events_api" else ()
        if envelope.type == "events_api" and (lag_seconds := self.lag_seconds()):
            await asyncio.sleep(lag_seconds)
        for delay in (0.0, *delays):
            if delay:
                envelope.state = "waiting"
                await self._slack.clock.sleep(delay)
            envelope.state = "sending"
            failure = await self._attempt(envelope)
            if failure is None:
                envelope.acknowledged, envelope.acknowledged_at = True, time.monotonic()
                break
            envelope.failures.append(failure)
        envelope.state = "done"
        if envelope.type != "events_api" and envelope.failures[-1:] not in ([], [_NO_CONNECTION]):
            # Slack shows the person a warning sign.
            self._slack.violate(envelope.type, f"not acknowledged: {envelope.failures[-1]}")
        return envelope

    async def _attempt(self, envelope: Envelope) -> str | None:
        envelope.attempts += 1
        envelope.sent_at = envelope.sent_at or time.monotonic()
        try:
            async with asyncio.timeout(self.ack_timeout_seconds):
                if self.http_url is not None:
                    return await self._post(envelope, self.http_url)
                return await self._by_socket(envelope)
        except TimeoutError:
            return "http_timeout" if self.http_url else "timeout"
        except (ConnectionError, aiohttp.ClientError):
            return _NO_CONNECTION

    async def _by_socket(self, envelope: Envelope) -> str | None:
        connection = self._slack.sockets.next()
        if connection is None:
            return _NO_CONNECTION
        body: Json = {
            # Each delivery is an envelope of its own; the event in it keeps its event_id.
            "envelope_id": str(uuid.uuid4()),
            "payload": envelope.payload,
            "type": envelope.type,
            "accepts_response_payload": envelope.type != "events_api",
        }
        if envelope.type == "events_api":
            body["retry_attempt"] = envelope.attempts - 1
            body["retry_reason"] = envelope.failures[-1] if envelope.failures else ""
        envelope.response = await (await connection.send(body))
        return None

    async def _post(self, envelope: Envelope, url: str) -> str | None:
        body, headers = self._signed(envelope)
        if envelope.failures:
            headers["X-Slack-Retry-Num"] = str(envelope.attempts - 1)
            headers["X-Slack-Retry-Reason"] = envelope.failures[-1]
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            text = await answer.text()
            if answer.status != 200:
                if answer.headers.get("X-Slack-No-Retry"):
                    return None
                return "http_error"
            envelope.response = _payload(text, answer.content_type)
            return None

    def _signed(self, envelope: Envelope) -> tuple[bytes, dict[str, str]]:
        match envelope.type:
            case "events_api":
                body, kind = json.dumps(envelope.payload), "application/json"
            case "slash_commands":
                body, kind = urlencode(envelope.payload), "application/x-www-form-urlencoded"
            case "interactive":
                body = urlencode({"payload": json.dumps(envelope.payload)})
                kind = "application/x-www-form-urlencoded"
        # The app compares with its own clock, so this is the real time.
        at = str(int(time.time()))
        return body.encode(), {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": signature(self._slack.signing_secret, at, body),
        }


def signature(secret: str, timestamp: str, body: str) -> str:
    """Slack's v0 signature of a request."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def _payload(text: str, content_type: str) -> Json | None:
    if not text:
        return None
    return dict(json.loads(text)) if content_type == "application/json" else {"text": text}
