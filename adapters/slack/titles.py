"""What threads are called where Slack lists them. Pure."""

from __future__ import annotations

import re

_FENCE = re.compile(r"```[\w+-]*")
_CODE = "Code: "


def titled(text: str, limit_chars: int, otherwise: str = "") -> str:
    """A thread's first words as a title, code without its fences.

    Args:
        text: the words, as Markdown.
        limit_chars: how long a title may be.
        otherwise: the title where there are none.
    """
    begins = _CODE if text.lstrip().startswith("```") else ""
    words = " ".join(_FENCE.sub(" ", text).replace("`", "").split())
    title = f"{begins}{words}" if words else otherwise
    return title if len(title) <= limit_chars else title[: limit_chars - 1] + "…"
