"""The gateway: sessions that survive a dropped connection, and events that reach them."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.discord.connection import Connection
from tests.fakes.discord.guild_payloads import guild_json
from tests.fakes.discord.identifies import Identifies
from tests.fakes.discord.payloads import user_json
from tests.fakes.discord.sessions import GUILDS, Session
from tests.fakes.discord.world import PRIVILEGED, World

KNOWN_INTENTS = (1 << 26) - 1
NOT_AUTHENTICATED, AUTH_FAILED, ALREADY_AUTHENTICATED = 4003, 4004, 4005
RATE_LIMITED, BAD_SHARD, SHARDING_REQUIRED, BAD_INTENTS = 4008, 4010, 4011, 4013
REFUSED_INTENTS, BAD_JSON, BAD_OPCODE = 4014, 4002, 4001


class Gateway:
    """All sessions, and the switches by which a test breaks them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = ""
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.identifies = 0
        self.resumes = 0
        self.heartbeat_seconds = 41.25
        self.acks_heartbeats = True
        self.refusals_left = 0
        self.required_shards = 1
        self.identifying = Identifies()
        self._changed = asyncio.Event()

    # -- what tests do to it

    def refuse(self, times: int) -> None:
        """The next connections are answered 503."""
        self.refusals_left = times

    def drop(self) -> None:
        """Cuts every connection off without a word; sessions can be resumed."""
        for connection in list(self.connections):
            connection.abort()

    def close(self, code: int) -> None:
        """Closes every connection with the code, e.g. 4000."""
        for connection in list(self.connections):
            connection.end(code)

    def ask_to_reconnect(self) -> None:
        """Op 7: clients reconnect and resume."""
        for connection in list(self.connections):
            connection.send_op(7, None)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9: clients resume, or else identify anew and miss what was said meanwhile."""
        if not resumable:
            self.sessions.clear()
        for connection in list(self.connections):
            connection.send_op(9, resumable)

    def forget_sessions(self) -> None:
        """A later RESUME is answered Invalid Session."""
        self.sessions.clear()

    def garbage(self, event: str = "MESSAGE_CREATE") -> None:
        """An event whose data no parser understands."""
        for session in self.live():
            session.put(event, {"guild_id": "not a number", "channel_id": None})

    def repeat(self, event: str = "MESSAGE_CREATE") -> None:
        """Delivers the last such event a second time."""
        for session in self.live():
            session.repeat(event)

    def live(self) -> list[Session]:
        """The sessions that are connected now."""
        return [s for s in self.sessions.values() if s.connection is not None]

    async def connected(self, shards: int = 1, *, timeout_seconds: float = 10) -> None:
        """Waits until so many shards are ready."""
        await self._until(lambda: len(self.live()) >= shards, timeout_seconds)

    async def disconnected(self, *, timeout_seconds: float = 10) -> None:
        """Waits until nobody is connected."""
        await self._until(lambda: not self.connections, timeout_seconds)

    async def _until(self, holds: Callable[[], bool], timeout_seconds: float) -> None:
        async with asyncio.timeout(timeout_seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    # -- events out

    def emit(self, event: str, guild_id: int | None, data: Callable[[Session], Any]) -> None:
        """Gives the event to each session that is to have it; `data` makes it for that session."""
        for session in list(self.sessions.values()):
            if session.wants(event, guild_id):
                session.put(event, data(session))

    # -- the socket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from hello to its end."""
        if self.refusals_left > 0:
            self.refusals_left -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        self.connections.append(connection)
        try:
            async with connection.writing():
                connection.send_op(10, {"heartbeat_interval": int(self.heartbeat_seconds * 1000)})
                await self._listen(connection)
        finally:
            self.connections.remove(connection)
            self._leave(connection)
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                break
            if not connection.within_limit(self.world.clock.now()):
                return connection.end(RATE_LIMITED)
            try:
                frame = json.loads(message.data)
                op, data = frame["op"], frame.get("d")
            except (ValueError, KeyError, TypeError):
                return connection.end(BAD_JSON)
            self._receive(connection, op, data)
        return None

    def _receive(self, connection: Connection, op: int, data: Any) -> None:
        if op == 1:
            if self.acks_heartbeats:
                connection.send_op(11, None)
        elif op == 2:
            self._identify(connection, data)
        elif op == 6:
            self._resume(connection, data)
        elif connection.session_id is None:
            connection.end(NOT_AUTHENTICATED)
        elif op == 8:
            self._members(connection, data)
        elif op not in (3, 4):
            connection.end(BAD_OPCODE)

    def _identify(self, connection: Connection, data: dict[str, Any]) -> None:
        code = self._objection(connection, data)
        if code is not None:
            return connection.end(code)
        index, count = data.get("shard") or (0, 1)
        if count > 1 and not self.identifying.take(index, self.world.clock.now()):
            self.world.effects.complain(f"shard {index} identified too early")
            return connection.send_op(9, False)
        self.identifies += 1
        if any(session.shard == (index, count) for session in self.live()):
            self.identifying.doubled.append(index)
        for stale in [s for s in self.sessions.values() if s.shard == (index, count)]:
            if stale.connection is None:
                del self.sessions[stale.id]
        session = Session(uuid.uuid4().hex, data["intents"], (index, count), connection=connection)
        self.sessions[session.id] = session
        connection.session_id = session.id
        self._welcome(session)
        self._changed.set()
        return None

    def _objection(self, connection: Connection, data: dict[str, Any]) -> int | None:
        index, count = data.get("shard") or (0, 1)
        intents = data.get("intents")
        checks = [
            (connection.session_id is not None, ALREADY_AUTHENTICATED),
            (data.get("token") != self.world.token, AUTH_FAILED),
            (not isinstance(intents, int) or intents & ~KNOWN_INTENTS, BAD_INTENTS),
            (not 0 <= index < count, BAD_SHARD),
            (count < self.required_shards, SHARDING_REQUIRED),
            ((intents or 0) & PRIVILEGED & ~self.world.allowed_intents, REFUSED_INTENTS),
        ]
        return next((code for wrong, code in checks if wrong), None)

    def _welcome(self, session: Session) -> None:
        world = self.world
        index, count = session.shard
        guilds = [
            g for g in world.guilds.values() if world.has_bot(g) and (g.id >> 22) % count == index
        ]
        ready = {
            "v": 10,
            "user": user_json(world.bot) | {"mfa_enabled": False, "verified": True, "email": None},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": [index, count],
            "application": {"id": str(world.application_id), "flags": world.application_flags},
            "private_channels": [],
            "relationships": [],
            "session_type": "normal",
            "user_settings": {},
        }
        session.put("READY", ready)
        if session.intents & GUILDS:
            for guild in guilds:
                session.put("GUILD_CREATE", guild_json(guild, world.bot))

    def _resume(self, connection: Connection, data: dict[str, Any]) -> None:
        session = self.sessions.get(data.get("session_id", ""))
        if data.get("token") != self.world.token:
            return connection.end(AUTH_FAILED)
        if session is None or not 0 <= (data.get("seq") or 0) <= len(session.sent):
            return connection.send_op(9, False)
        self.resumes += 1
        if session.connection is not None:
            session.connection.session_id = None
            session.connection.end(4000)
        session.connection = connection
        connection.session_id = session.id
        for missed in itertools.islice(session.sent, data.get("seq") or 0, None):
            connection.send(missed)
        session.put("RESUMED", {"_trace": []})
        self._changed.set()
        return None

    def _members(self, connection: Connection, data: dict[str, Any]) -> None:
        guild = self.world.guilds.get(int(data["guild_id"]))
        session = self.sessions.get(connection.session_id or "")
        if guild is not None and session is not None:
            members = guild_json(guild, self.world.bot)["members"]
            chunk = {"guild_id": str(guild.id), "members": members, "chunk_index": 0}
            rest: dict[str, Any] = {"chunk_count": 1, "not_found": [], "nonce": data.get("nonce")}
            session.put("GUILD_MEMBERS_CHUNK", chunk | rest)

    def _leave(self, connection: Connection) -> None:
        session = self.sessions.get(connection.session_id or "")
        if session is not None and session.connection is connection:
            session.connection = None
            # A client that says goodbye gives its session up [doc: disconnecting].
            if connection.socket.close_code in (1000, 1001) and not connection.ended_by_us:
                del self.sessions[session.id]
        self._changed.set()
