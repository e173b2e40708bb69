"""Torture: the real program between loopback chats and a scripted engine, while things go wrong.

`run.py` moves people and faults from a seed, `checker.py` reads what came of it and says what is
wrong, `__main__.py` is `make torture`.
"""
