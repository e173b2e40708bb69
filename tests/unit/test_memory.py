"""Whether code ran out of memory, and which tier is next."""

from __future__ import annotations

import pytest

from bot.domain import CodeRun, RunState
from bot.memory import TIERS, next_tier, out_of_memory, ran_out
from engine.kernel_port import Execution, Stop
from engine.settings import EngineSettings
from engine.verdict import verdict


def run(logs: str, state: RunState = RunState.FAILED) -> CodeRun:
    return CodeRun("ci", "x", state, logs)


class TestRanOut:
    @pytest.mark.parametrize("tier", TIERS)
    def test_what_our_own_engine_says(self, tier: str) -> None:
        """The sentence with which Threadlab's engine ends a run is understood."""
        stopped = Execution("", stop=Stop.OUT_OF_MEMORY, kernel_lost=True)

        assert ran_out([run(verdict(stopped, EngineSettings(), tier))])

    @pytest.mark.parametrize(
        "logs",
        [
            "Traceback (most recent call last):\n  …\nMemoryError",
            "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB",
            "MemoryError: Unable to allocate",
        ],
    )
    def test_what_python_says(self, logs: str) -> None:
        """A MemoryError that ended the code is understood, numpy's too."""
        assert ran_out([run(logs)])

    def test_a_way_around(self) -> None:
        """Where a later run went well, the model has found a way around."""
        assert not ran_out([run("MemoryError"), run("42", RunState.DONE)])

    @pytest.mark.parametrize("logs", ["", "no memory error here", "I had a MemoryError once"])
    def test_other_logs(self, logs: str) -> None:
        """Other output is no lack of memory; nor is no run at all."""
        assert not ran_out([run(logs)])
        assert not ran_out([])


class TestTiers:
    def test_each_has_a_next_one(self) -> None:
        """1g, 4g, 16g, 64g; above the largest, and for one that is not known, there is none."""
        assert [next_tier(tier) for tier in (*TIERS, None, "2g")] == [
            "4g",
            "16g",
            "64g",
            None,
            None,
            None,
        ]

    def test_the_sentence_helps(self) -> None:
        """It names the tier and the button, or says that there is nothing larger."""
        assert "(1g)" in out_of_memory("1g")
        assert "“Retry with 4g”" in out_of_memory("1g")
        assert "ask for less" in out_of_memory("64g")
        assert "(None)" not in out_of_memory(None)
