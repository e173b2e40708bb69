"""Who people are and what channels are called: asked once, remembered for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.slack.api import Busy, Refused, WebApi
from adapters.slack.settings import SlackSettings
from adapters.slack.teams import Team
from bot.domain import Author, Caller
from bot.errors import PlatformError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a workspace. `admin`: they manage the workspace."""

    name: str
    admin: bool = False


class Names:
    """People and channels by their ids, a bounded number of them."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._known: OrderedDict[tuple[str, str], tuple[float, Person]] = OrderedDict()

    def knows(self, team: Team, user: str) -> bool:
        """Whether somebody's name need not be asked for."""
        return self._recall(team.id, user) is not None

    async def author(self, team: Team, user: str, name: str | None = None) -> Author:
        """Somebody by name, where Slack says it in time."""
        return Author(user, name or (await self._find(team, [user], []))[user].name)

    async def caller(self, team: Team, user: str, *, surely: bool = False) -> Caller:
        """Somebody who gives a command, and whether they manage the workspace.

        Args:
            team: the workspace.
            user: who.
            surely: the command is for those who manage it: nobody is taken for somebody else.

        Raises:
            PlatformError: that has to be known, and Slack does not say in time.
        """
        seconds = self._settings.slack_patience_seconds
        person = (await self._find(team, [user], [], seconds))[user]
        if surely and not self.knows(team, user):
            raise PlatformError(f"Slack does not say whether {user} manages the workspace.")
        return Caller(Author(user, person.name), person.admin)

    async def of(
        self, team: Team, people: Iterable[str], channels: Iterable[str]
    ) -> Mapping[str, str]:
        """The names of people and channels; of those that are not told in time, the ids."""
        found = await self._find(team, list(people), list(channels))
        return {identifier: person.name for identifier, person in found.items()}

    async def _find(
        self, team: Team, people: list[str], channels: list[str], seconds: float | None = None
    ) -> dict[str, Person]:
        seconds = seconds or self._settings.slack_lookup_seconds
        wanted = [*people, *channels]
        missing = [one for one in wanted if self._recall(team.id, one) is None]
        missing = missing[: self._settings.slack_names_asked]
        lookups = [self._look_up(team, one, one in people, seconds) for one in missing]
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*lookups)
        except TimeoutError:
            pass  # the message can't wait for a name
        return {one: self._recall(team.id, one) or Person(one) for one in wanted}

    def _recall(self, team_id: str, identifier: str) -> Person | None:
        until, person = self._known.get((team_id, identifier), (0.0, None))
        return person if time.monotonic() < until else None

    async def _look_up(self, team: Team, identifier: str, is_person: bool, seconds: float) -> None:
        try:
            person = await (_person if is_person else _channel)(team.api, identifier, seconds)
        except Busy:
            return
        except Refused as error:  # a stranger, or no scope: the next message need not ask again
            log.info("no name", team=team.id, id=identifier, error=str(error))
            person = Person(identifier)
        except PlatformError as error:
            log.info("no name", team=team.id, id=identifier, error=str(error))
            return
        until = time.monotonic() + self._settings.slack_names_seconds
        self._known[(team.id, identifier)] = (until, person)
        self._known.move_to_end((team.id, identifier))
        while len(self._known) > self._settings.slack_names:
            self._known.popitem(last=False)


async def _person(api: WebApi, user: str, seconds: float) -> Person:
    found = await api.call_within(seconds, "users.info", user=user)
    about: Mapping[str, Any] = found["user"]
    profile = about.get("profile") or {}
    name = profile.get("display_name") or about.get("real_name") or about.get("name") or user
    return Person(str(name), bool(about.get("is_admin") or about.get("is_owner")))


async def _channel(api: WebApi, channel: str, seconds: float) -> Person:
    found = await api.call_within(seconds, "conversations.info", channel=channel)
    return Person(str(found["channel"].get("name") or channel))
