"""The checker of the torture sees what it is there to see."""

from __future__ import annotations

from typing import Any

from tests.torture.checker import findings


def said(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"thread": thread, "text": text} for thread, text in pairs]


def posted(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {"thread": thread, "text": text, "post": f"p{number}", "failed": False}
        for number, (thread, text) in enumerate(pairs)
    ]


ASKED = (("a", "1"), ("a", "2"), ("b", "3"))


class TestChecker:
    def test_all_is_well(self) -> None:
        """Answers to each question, in order in each thread, are what is wanted."""
        assert findings(said(*ASKED), posted(("b", "3"), ("a", "1"), ("a", "2"))) == []

    def test_lost(self) -> None:
        """A question without an answer is named."""
        assert findings(said(*ASKED), posted(*ASKED[1:])) == ["a: lost '1'"]

    def test_twice(self) -> None:
        """Two answers to one question are named, and one post that came twice."""
        posts = posted(*ASKED, ("b", "3"))
        again = [*posted(*ASKED), posted(*ASKED)[2]]

        assert findings(said(*ASKED), posts) == ["b: 2 answers to '3'"]
        assert findings(said(*ASKED), again) == ["posted 2 times: p2", "b: 2 answers to '3'"]

    def test_out_of_order(self) -> None:
        """Answers in another order than the questions are named."""
        assert findings(said(*ASKED), posted(*ASKED[::-1])) == ["a: out of order"]

    def test_in_another_thread(self) -> None:
        """An answer in a thread in which nobody asked is named."""
        found = findings(said(*ASKED), posted(*ASKED[:2], ("c", "3")))

        assert found == ["b: lost '3'", "c: '3' was not asked here"]

    def test_failed(self) -> None:
        """An answer that says it failed is named."""
        posts = posted(*ASKED)
        posts[0]["failed"] = True

        assert findings(said(*ASKED), posts) == ["failed: '1'"]
