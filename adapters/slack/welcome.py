"""What the bot says of itself."""

from __future__ import annotations

GREETING = (
    "Hello! I am Threadlab: every thread with me is a Python lab of its own. Mention me with a "
    "question, with or without files; in a thread that we share you can ask on without naming me. "
    "Files of one thread never reach another. `/threadlab help` lists what else I can do."
)
# Slack sends one at once when it is pressed, so none may need a file.
PROMPTS = (
    {"title": "Compute something", "message": "What is 15 % of 2,480?"},
    {"title": "Solve an equation", "message": "Solve x^2 - 5x + 6 = 0"},
    {"title": "Try chance", "message": "Simulate 10,000 rolls of two dice"},
    {"title": "What can you do?", "message": "help"},
)
