"""What must hold of everything that was said and posted, whatever happened in between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def findings(said: Iterable[Mapping[str, Any]], posts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What went wrong, a line each: lost, answered twice, out of order, in another thread.

    Args:
        said: messages, with `thread` and `text`, in the order in which they were written.
        posts: answers that repeat the text, with `thread`, `text`, `post` and `failed`, in the
            order in which they were posted.
    """
    wanted, found = defaultdict(list), defaultdict(list)
    for message in said:
        wanted[message["thread"]].append(message["text"])
    for post in posts:
        found[post["thread"]].append(post["text"])
    wrong = [f"posted {times} times: {post}" for post, times in _repeated(p["post"] for p in posts)]
    wrong += [f"failed: {post['text']!r}" for post in posts if post["failed"]]
    for thread in sorted(wanted.keys() | found.keys()):
        wrong += _compared(thread, wanted[thread], found[thread])
    return wrong


def _compared(thread: str, wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    lost = [f"{thread}: lost {text!r}" for text in wanted if text not in found]
    twice = [f"{thread}: {times} answers to {text!r}" for text, times in _repeated(found)]
    strange = [f"{thread}: {text!r} was not asked here" for text in found if text not in wanted]
    order = [text for text in wanted if text in found] != list(dict.fromkeys(found))
    return lost + twice + strange + ([f"{thread}: out of order"] if order and not strange else [])


def _repeated(values: Iterable[str]) -> list[tuple[str, int]]:
    return [(value, times) for value, times in Counter(values).items() if times > 1]
