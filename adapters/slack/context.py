"""What the parts of the adapter share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

from adapters.slack.begun import Beginnings
from adapters.slack.names import Names
from adapters.slack.poster import Asker
from adapters.slack.replies import Replies
from adapters.slack.settings import SlackSettings
from adapters.slack.status import Sessions
from adapters.slack.tasks import Tasks
from adapters.slack.teams import Teams
from adapters.slack.uploads import Uploads
from bot.ports import Services

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recently(Generic[Key, Value]):
    """The newest few of many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def put(self, key: Key, value: Value) -> bool:
        """Keep something; whether it is new."""
        is_new = key not in self._kept
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return is_new

    def drop(self, key: Key) -> None:
        """Forget something."""
        self._kept.pop(key, None)

    def get(self, key: Key) -> Value | None:
        """What is kept, or None."""
        return self._kept.get(key)


class SlackContext:
    """The services of the core, and what the adapter keeps while it runs."""

    def __init__(self, services: Services, settings: SlackSettings, teams: Teams) -> None:
        self.services = services
        self.settings = settings
        self.teams = teams
        self.names = Names(settings)
        self.replies = Replies(services.database)
        self.tasks = Tasks()
        self.sessions = Sessions(settings, self.tasks)
        self.uploads = Uploads(settings, services.blobs)
        # Whom an answer is for, by thread and message: streams in channels name them.
        self.askers: Recently[tuple[str, str], Asker] = Recently(settings.slack_events_remembered)
        # The first messages of threads that the bot was called into.
        self.starters: Recently[str, Mapping[str, Any]] = Recently(settings.slack_events_remembered)
        self.begun = Beginnings(self.replies)
        self.handled: Recently[tuple[str, ...], None] = Recently(settings.slack_events_remembered)

    def first_time(self, *event: str) -> bool:
        """Whether an event comes for the first time, of those that the inbox does not know."""
        return self.handled.put(event, None)

    def undone(self, *event: str) -> None:
        """What an event asked for failed: it may come again."""
        self.handled.drop(event)

    def admins_only(self, command: str) -> bool:
        """Whether a command is for those who manage the workspace."""
        return any(spec.admin for spec in self.services.commands.specs if spec.name == command)

    def knows(self, command: str) -> bool:
        """Whether the core has a command."""
        return any(spec.name == command for spec in self.services.commands.specs)
