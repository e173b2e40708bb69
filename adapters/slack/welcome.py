"""What the bot says of itself."""

from __future__ import annotations

GREETING = (
    "Hello! I am Threadlab: every thread with me is a Python lab of its own. Mention me with a "
    "question, with or without files; in a thread that we share you can ask on without naming me. "
    "Files of one thread never reach another. `/threadlab help` lists what else I can do."
)
PROMPTS = (
    {
        "title": "Chart a spreadsheet",
        "message": "Total by category, as a bar chart, from the file that I attach",
    },
    {"title": "Clean a list", "message": "Clean the file that I attach and give me a CSV"},
    {"title": "Compute something", "message": "What is 15 % of 2,480?"},
    {"title": "What can you do?", "message": "help"},
)
