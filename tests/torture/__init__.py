"""Faults at random, and a checker that reads what happened."""
