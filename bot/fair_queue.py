"""A queue in laps: each place's next one goes before any place's one after that."""

from __future__ import annotations

from collections import OrderedDict, deque


class FairQueue:
    """Ids that wait, each for a place; a place with many does not keep the others waiting."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, deque[str]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def __contains__(self, id: str) -> bool:
        return any(id in waiting for waiting in self._places.values())

    def add(self, id: str, place: str) -> None:
        """Wait, behind those of the same place."""
        self._places.setdefault(place, deque()).append(id)

    def take(self) -> str:
        """The next one. Raises KeyError where nobody waits."""
        place, waiting = self._places.popitem(last=False)
        id = waiting.popleft()
        if waiting:
            self._places[place] = waiting  # behind the other places
        return id

    def drop(self, id: str) -> None:
        """Wait no more."""
        for place, waiting in list(self._places.items()):
            if id in waiting:
                waiting.remove(id)
                if not waiting:
                    del self._places[place]
