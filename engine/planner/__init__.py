"""Planners decide what code answers a question."""
