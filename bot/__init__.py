"""Threadlab's conversation core: turns, workspaces, files. Knows no platform by name."""
