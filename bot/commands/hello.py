"""What the bot says of itself."""

from __future__ import annotations

HELLO = "hello"  # the command of somebody who names the bot and says nothing else
CAPABILITIES = (
    "I compute with Python. Mention me in a thread, drop files into it (spreadsheets, CSV, images, "
    "PDF) and ask, for example: “total revenue by region, as a bar chart”. I answer with numbers, "
    "charts and files, and remember the thread. `help` lists the commands."
)
