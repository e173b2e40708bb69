"""What the engine tells of code and messages, held against recorded traffic."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.output import Output
from engine.response_body import new_body, usage
from engine.schema import CreateResponse
from engine.settings import MEBIBYTE
from engine.stream import Journal
from engine.validation import parse
from tests.fakes.openai_spec import recording, spec

Event = dict[str, Any]
Shape = object


def recorded_events() -> list[Event]:
    lines = recording("code-interpreter-dice.events.jsonl").splitlines()
    return [json.loads(line) for line in lines if line]


def without_reasoning(events: list[Event]) -> list[Event]:
    """The engine has nothing that reasons; its streams are the recorded ones less that."""
    return [event for event in events if event.get("item", {}).get("type") != "reasoning"]


def condensed(events: list[Event]) -> list[str]:
    """The types in order, runs of deltas as one."""
    kinds: list[str] = []
    for event in events:
        if not (event["type"].endswith(".delta") and kinds and kinds[-1] == event["type"]):
            kinds.append(event["type"])
    return kinds


def shape(value: object) -> Shape:
    """Names and types of a JSON value; of a list, the first element's."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return type(value).__name__


def replay(events: list[Event]) -> list[Event]:
    """Tell through `Output` what the recorded response ran and said."""
    journal = Journal(kept=True)
    output = Output(journal, include_outputs=True, images_bytes_max=MEBIBYTE)
    for event in events:
        item = event.get("item", {})
        if event["type"] != "response.output_item.done" or item["type"] == "reasoning":
            continue
        if item["type"] == "code_interpreter_call":
            output.start_code(item["container_id"], item["code"])
            output.finish_code("\n".join(part["logs"] for part in item["outputs"]), ())
        else:
            output.write(item["content"][0]["text"])
            output.finish_message(item["content"][0]["annotations"])
    return journal.take()


class TestAgainstTheRecording:
    def test_tells_in_the_recorded_order(self) -> None:
        """The same runs and words give the same kinds of events in the same order."""
        recorded = recorded_events()

        told = replay(recorded)

        kinds = condensed(without_reasoning(recorded))
        assert condensed(told) == kinds[2:-1]  # less created, in_progress, completed

    def test_tells_in_the_recorded_shape(self) -> None:
        """Every kind of event has the recorded fields, with values of the recorded types."""
        recorded = recorded_events()
        shapes = {
            (event["type"], event.get("item", {}).get("type")): event
            for event in without_reasoning(recorded)
        }

        for event in replay(recorded):
            want = dict(shapes[event["type"], event.get("item", {}).get("type")])
            want.pop("obfuscation", None)  # added on the way out
            assert shape(event) == shape(want), event["type"]

    def test_code_and_text_arrive_whole(self) -> None:
        """The deltas of an item joined are its code, or its text."""
        told = replay(recorded_events())

        for done in told:
            if done["type"].endswith(("_code.done", "output_text.done")):
                deltas = [
                    e["delta"] for e in told if "delta" in e and e["item_id"] == done["item_id"]
                ]
                assert "".join(deltas) == done.get("code", done.get("text"))

    def test_outputs_are_null_unless_included(self) -> None:
        """As recorded without `include`: null from the first event on."""
        events = recording("code-interpreter-stream.yaml")
        body = yaml.safe_load(events)["interactions"][0]["response"]["body"]["string"]
        data = [line.removeprefix("data: ") for line in body.splitlines() if line[:6] == "data: "]
        items = [json.loads(line).get("item", {}) for line in data]
        recorded = {str(i["outputs"]) for i in items if i.get("type") == "code_interpreter_call"}
        journal = Journal(kept=True)

        output = Output(journal, include_outputs=False, images_bytes_max=MEBIBYTE)
        output.start_code("cntr_1", "1")
        output.finish_code("1", ())

        told = {str(e["item"]["outputs"]) for e in journal.take() if "item" in e}
        assert told == recorded == {"None"}

    def test_the_response_has_the_recorded_fields(self) -> None:
        """A response has every recorded field but the bill, with values of the same types."""
        recorded = json.loads(recording("code-interpreter-dice.response.json"))
        asked = {
            "input": "x",
            "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
            "reasoning": {"effort": "medium"},
        }

        body = new_body(parse(CreateResponse, asked), "resp_1", 1761853223, "any")
        body |= {"status": "completed", "usage": usage(10, 10)}

        unlike = {"output", "billing", "temperature", "top_p", "usage"}
        told = {name: shape(value) for name, value in body.items() if name not in unlike}
        told.pop("completed_at")  # newer than the recording
        assert told == {n: shape(v) for n, v in recorded.items() if n not in unlike}


class TestAgainstTheDocument:
    def test_items_with_images_and_failures(self) -> None:
        """Images, failed calls and unfinished items keep to the published schemas."""
        output = Output(Journal(kept=True), include_outputs=True, images_bytes_max=MEBIBYTE)

        output.start_code("cntr_1", "plot()")
        output.finish_code("", [b"\x89PNG"], status="failed")
        output.write("half a sen")
        output.abandon()

        first, last = output.items
        assert first["outputs"] == [{"type": "image", "url": "data:image/png;base64,iVBORw=="}]
        assert (last["status"], last["content"][0]["text"]) == ("incomplete", "half a sen")
        for item in output.items:
            spec().check("OutputItem", item)

    def test_images_of_a_response_are_bounded_together(self) -> None:
        """Images for which a response has no more room are left out, and the logs say how many."""
        output = Output(Journal(kept=True), include_outputs=True, images_bytes_max=MEBIBYTE)

        output.start_code("cntr_1", "plot()")
        output.finish_code("drawn", [bytes(MEBIBYTE // 2)])
        output.start_code("cntr_1", "plot()")
        output.finish_code("again", [bytes(MEBIBYTE), bytes(MEBIBYTE // 2), b"1"])

        first, second = (item["outputs"] for item in output.items)
        left_out = "[2 images left out: a response holds at most 1 MB of images]"
        assert [each["type"] for each in first] == ["logs", "image"]
        assert [each["type"] for each in second] == ["logs", "image"]
        assert second[0]["logs"] == f"again\n{left_out}"

    @pytest.mark.parametrize(("told", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
    def test_usage_rounds_up(self, told: int, tokens: int) -> None:
        """Four characters are a token, begun ones count."""
        assert usage(told, 0)["input_tokens"] == tokens
        spec().check("ResponseUsage", usage(told, 0))
