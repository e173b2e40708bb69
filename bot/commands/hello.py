"""What the bot says of itself."""

from __future__ import annotations

HELLO = "hello"  # the command of somebody who names the bot and says nothing else
CAPABILITIES = (
    "I compute with Python. Mention me with a question and files (spreadsheets, CSV, images, PDF), "
    "for example: “total revenue by region, as a bar chart”. I answer in a thread with numbers, "
    "charts and files, and remember what was said there. `help` tells more."
)
