"""Block Kit's rules: what Slack refuses as invalid_blocks, and the ids it gives."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from tests.fakes.slack.element_rules import check_element, check_image, check_text, refuse
from tests.fakes.slack.methods import ApiError
from tests.fakes.slack.reading import cell_text, readable
from tests.fakes.slack.records import Json

MARKDOWN_LIMIT = 12_000
# [facts: slack] the total seen to fail
TOTAL_LIMIT = 13_200
_MESSAGE_BLOCKS = 50
_VIEW_BLOCKS = 100
_TABLE_CHARACTERS = 10_000


def check_message(blocks: list[Any]) -> list[Json]:
    """A message's blocks with ids.

    Raises:
        ApiError: invalid_blocks, msg_blocks_too_long or only_one_table_allowed.
    """
    if len(blocks) > _MESSAGE_BLOCKS:
        raise refuse(f"no more than {_MESSAGE_BLOCKS} items allowed")
    checked = _check(blocks, home=False)
    if any(block["type"] == "input" for block in checked):
        raise refuse("input blocks are not allowed in messages")
    if sum(block["type"] in ("table", "data_table") for block in checked) > 1:
        raise ApiError("only_one_table_allowed")
    if sum(block["type"] == "data_visualization" for block in checked) > 2:
        raise refuse("no more than 2 data_visualization blocks")
    markdown = sum(len(b["text"]) for b in checked if b["type"] == "markdown")
    if markdown > MARKDOWN_LIMIT:
        raise ApiError("msg_blocks_too_long", "markdown blocks exceed 12000 characters")
    if sum(characters(block) for block in checked) > TOTAL_LIMIT:
        raise ApiError("msg_blocks_too_long")
    return checked


def characters(block: Json) -> int:
    """How much a block adds to the length of its message."""
    if "rows" in block:
        return sum(len(cell_text(cell)) for row in block["rows"] for cell in row)
    return len(readable(block))


def check_view(view: Json) -> Json:
    """A modal or home tab with ids.

    Raises:
        ApiError: invalid_arguments or invalid_blocks.
    """
    kind = view.get("type")
    if kind not in ("modal", "home"):
        raise ApiError("invalid_arguments", "unsupported view type")
    if len(view.get("blocks") or ()) > _VIEW_BLOCKS:
        raise refuse(f"no more than {_VIEW_BLOCKS} items allowed")
    checked = _check(view.get("blocks") or [], home=kind == "home")
    if len(view.get("private_metadata") or "") > 3000:
        raise ApiError("invalid_arguments", "private_metadata exceeds 3000 characters")
    if len(view.get("callback_id") or "") > 255:
        raise ApiError("invalid_arguments", "callback_id exceeds 255 characters")
    if any(block["type"] in ("table", "data_table") for block in checked):
        raise refuse("tables are not allowed in views")
    if kind == "modal":
        check_text(view.get("title"), "title", 24, plain=True)
        for name in ("submit", "close"):
            if name in view:
                check_text(view[name], name, 24, plain=True)
        if any(b["type"] == "input" for b in checked) and "submit" not in view:
            raise ApiError("invalid_arguments", "missing required field: submit")
    return {**view, "blocks": checked}


def _check(blocks: list[Any], *, home: bool) -> list[Json]:
    checked, seen = [], set()
    for number, given in enumerate(blocks):
        if not isinstance(given, dict) or given.get("type") not in _RULES:
            raise refuse(f"unsupported type [json-pointer:/blocks/{number}/type]")
        try:
            _RULES[given["type"]](given)
        except ApiError as error:
            where = f"[json-pointer:/blocks/{number}]"
            error.extra["response_metadata"]["messages"][0] += f" {where}"
            raise
        except (KeyError, TypeError, AttributeError) as error:
            raise refuse(f"{error!r} [json-pointer:/blocks/{number}]") from error
        block_id = given.get("block_id") or secrets.token_hex(3)
        if len(block_id) > 255 or block_id in seen:
            raise refuse("block_id must be unique and at most 255 characters")
        seen.add(block_id)
        checked.append({**given, "block_id": block_id})
    return checked


def _section(block: Json) -> None:
    if "text" not in block and not block.get("fields"):
        raise refuse("a section needs text or fields")
    if "text" in block:
        check_text(block["text"], "text", 3000)
    if len(block.get("fields") or ()) > 10:
        raise refuse("no more than 10 fields")
    for one in block.get("fields") or ():
        check_text(one, "field", 2000)
    if "accessory" in block:
        check_element(block["accessory"])


def _actions(block: Json) -> None:
    _several(block["elements"], 25)


def _context_actions(block: Json) -> None:
    _several(block["elements"], 5)
    if any(e["type"] not in ("feedback_buttons", "icon_button") for e in block["elements"]):
        raise refuse("context_actions takes feedback_buttons and icon_button")


def _several(elements: list[Json], limit: int) -> None:
    if not 0 < len(elements) <= limit:
        raise refuse(f"elements must have 1 to {limit} items")
    ids = [element["action_id"] for element in elements]
    if len(set(ids)) < len(ids):
        raise refuse("action_id must be unique within a block")
    for element in elements:
        check_element(element)


def _context(block: Json) -> None:
    if not 0 < len(block["elements"]) <= 10:
        raise refuse("context takes 1 to 10 elements")
    for one in block["elements"]:
        if one.get("type") == "image":
            check_image(one)
        else:
            check_text(one, "element", 3000)


def _markdown(block: Json) -> None:
    if not isinstance(block["text"], str) or not block["text"]:
        raise refuse("markdown text must not be empty")
    if len(block["text"]) > MARKDOWN_LIMIT:
        raise refuse(f"markdown text must be at most {MARKDOWN_LIMIT} characters")


def _input(block: Json) -> None:
    check_text(block["label"], "label", 2000, plain=True)
    if "hint" in block:
        check_text(block["hint"], "hint", 2000, plain=True)
    check_element(block["element"])


def _table(block: Json) -> None:
    _grid(block["rows"], 1, 100)


def _data_table(block: Json) -> None:
    if not block["caption"]:
        raise refuse("caption must not be empty")
    if any(cell.get("type") == "rich_text" for cell in block["rows"][0]):
        raise refuse("the header row takes no rich_text")
    _grid(block["rows"], 2, 201)


def _grid(rows: Any, fewest: int, most: int) -> None:
    if not fewest <= len(rows) <= most:
        raise refuse(f"rows must have {fewest} to {most} items")
    if characters({"rows": rows}) > _TABLE_CHARACTERS:
        raise refuse(f"a table takes at most {_TABLE_CHARACTERS} characters")
    width = len(rows[0])
    if not 1 <= width <= 20 or any(len(row) != width for row in rows):
        raise refuse("every row must have the same 1 to 20 cells")
    for row in rows:
        for cell in row:
            if cell["type"] not in ("raw_text", "raw_number", "rich_text"):
                raise refuse("a cell is raw_text, raw_number or rich_text")
            if cell["type"] == "raw_text" and not cell["text"]:
                raise refuse("a cell's text must not be empty")


def _visualization(block: Json) -> None:
    title = block["title"]
    if not isinstance(title, str) or not 0 < len(title) <= 50:
        raise refuse("title must have 1 to 50 characters")
    if block["chart"].get("type") not in ("pie", "bar", "line", "area"):
        raise refuse("unknown chart type")


def _anything(block: Json) -> None:
    pass


_RULES: dict[str, Callable[[Json], None]] = {
    "section": _section,
    "divider": _anything,
    "image": check_image,
    "actions": _actions,
    "context": _context,
    "context_actions": _context_actions,
    "header": lambda block: check_text(block["text"], "text", 150, plain=True),
    "markdown": _markdown,
    "input": _input,
    "table": _table,
    "data_table": _data_table,
    "data_visualization": _visualization,
    "rich_text": lambda block: _anything(block["elements"]),
    "task_card": lambda block: _anything(block["task_id"]),
    "plan": lambda block: _anything(block["title"]),
}
