"""Each block as the HTML that looks like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from tests.fakes.slack.chart_html import chart
from tests.fakes.slack.icons import THUMB_DOWN, THUMB_UP
from tests.fakes.slack.mrkdwn import markdown, mrkdwn, plain
from tests.fakes.slack.reading import cell_text
from tests.fakes.slack.records import Json

Names = Mapping[str, str]
_ICONS = {"complete": "✓", "error": "!", "in_progress": "", "pending": ""}


def blocks(given: list[Json], names: Names) -> str:
    """All blocks, one below the other."""
    return "".join(f'<div class="block">{_block(block, names)}</div>' for block in given)


def task(task: Json, names: Names) -> str:
    """A task card: status, title, and what it does, folded away once it is done."""
    status = str(task.get("status", "pending"))
    body = "".join(
        f'<div class="task-{part}">{markdown(str(task[part]), names)}</div>'
        for part in ("details", "output")
        if task.get(part)
    )
    sources = "".join(
        f'<a class="source" href="{escape(one["url"])}">{escape(one["text"])}</a>'
        for one in task.get("sources") or ()
    )
    head = f'<span class="dot {status}">{_ICONS.get(status, "")}</span>{plain(task["title"])}'
    shown = " open" if status in ("pending", "in_progress") else ""
    folded = f"<details{shown}><summary>{head}</summary>{body}{sources}</details>"
    return f'<div class="task">{folded if body or sources else f"<div>{head}</div>"}</div>'


def _block(block: Json, names: Names) -> str:
    draw = _DRAWN.get(block["type"])
    assert draw is not None, f"no picture of a {block['type']} block"
    return draw(block, names)


def _text(text: Any, names: Names) -> str:
    if not text:
        return ""
    if text["type"] == "mrkdwn":
        return mrkdwn(text["text"], names)
    return plain(text["text"])


def _section(block: Json, names: Names) -> str:
    fields = "".join(f"<div>{_text(one, names)}</div>" for one in block.get("fields") or ())
    body = f"<div>{_text(block.get('text'), names)}</div>"
    grid = f'<div class="fields">{fields}</div>' if fields else ""
    side = _element(block["accessory"], names) if "accessory" in block else ""
    return f'<div class="section"><div>{body}{grid}</div><div>{side}</div></div>'


def _actions(block: Json, names: Names) -> str:
    drawn = "".join(_element(element, names) for element in block["elements"])
    return f'<div class="actions">{drawn}</div>'


def _context(block: Json, names: Names) -> str:
    drawn = [
        f'<img class="tiny" src="{escape(one["image_url"])}" alt="">'
        if one["type"] == "image"
        else f"<span>{_text(one, names)}</span>"
        for one in block["elements"]
    ]
    return f'<div class="context">{"".join(drawn)}</div>'


def _image(block: Json, names: Names) -> str:
    title = f'<div class="small">{_text(block.get("title"), names)}</div>'
    source = escape(block.get("image_url") or "")
    return f'{title}<img class="image" src="{source}" alt="{escape(block["alt_text"])}">'


def _input(block: Json, names: Names) -> str:
    optional = ' <span class="small">(optional)</span>' if block.get("optional") else ""
    hint = f'<div class="small">{_text(block.get("hint"), names)}</div>'
    label = f'<label class="label">{_text(block["label"], names)}{optional}</label>'
    return label + _element(block["element"], names) + hint


def _table(block: Json, names: Names) -> str:
    settings = block.get("column_settings") or []
    aligns = [(one or {}).get("align", "left") for one in settings]
    rows = []
    for number, row in enumerate(block["rows"]):
        tag = "td" if number else "th"
        cells = [
            f'<{tag} style="text-align:{_align(cell, at, aligns)}">{_cell(cell, names)}</{tag}>'
            for at, cell in enumerate(row)
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f'<div class="small">{plain(block["caption"])}</div>' if "caption" in block else ""
    return f'{caption}<div class="scroll"><table>{"".join(rows)}</table></div>'


def _align(cell: Json, at: int, aligns: list[str]) -> str:
    if at < len(aligns):
        return aligns[at]
    return "right" if cell["type"] == "raw_number" else "left"


def _cell(cell: Json, names: Names) -> str:
    return _rich(cell, names) if cell["type"] == "rich_text" else plain(cell_text(cell))


def _rich(block: Json, names: Names) -> str:
    return "".join(_rich_part(part, names) for part in block["elements"])


def _rich_part(part: Json, names: Names) -> str:
    match part["type"]:
        case "rich_text_preformatted":
            return f"<pre><code>{escape(cell_text(part))}</code></pre>"
        case "rich_text_quote":
            return f'<span class="quote">{_rich(part, names)}</span>'
        case "rich_text_list":
            tag = "ol" if part.get("style") == "ordered" else "ul"
            items = "".join(f"<li>{_rich(one, names)}</li>" for one in part["elements"])
            return f"<{tag}>{items}</{tag}>"
        case "rich_text_section":
            return f"<div>{_rich(part, names)}</div>"
        case "user":
            name = names.get(part["user_id"], part["user_id"])
            return f'<span class="mention">@{escape(name)}</span>'
        case "link":
            return f'<a href="{escape(part["url"])}">{plain(part.get("text") or part["url"])}</a>'
    text = plain(str(part.get("text", "")))
    for style, tag in (("bold", "b"), ("italic", "i"), ("strike", "s"), ("code", "code")):
        if (part.get("style") or {}).get(style):
            text = f"<{tag}>{text}</{tag}>"
    return text


def _task_card(block: Json, names: Names) -> str:
    parts = {part: cell_text(block[part]) for part in ("details", "output") if block.get(part)}
    fenced = {name: f"~~~~\n{text}\n~~~~" for name, text in parts.items()}
    return task({**block, **fenced}, names)


def _plan(block: Json, names: Names) -> str:
    cards = "".join(_task_card(one, names) for one in block.get("tasks") or ())
    return f'<div class="plan">{plain(block["title"])}</div>{cards}'


def _element(element: Json, names: Names) -> str:
    match element["type"]:
        case "button":
            style = escape(element.get("style", ""))
            return f'<span class="button {style}">{_text(element["text"], names)}</span>'
        case "feedback_buttons":
            return f'<span class="icon">{THUMB_UP}</span><span class="icon">{THUMB_DOWN}</span>'
        case "icon_button":
            return '<span class="icon">✕</span>'
        case "overflow":
            return '<span class="button">⋯</span>'
        case "checkboxes" | "radio_buttons":
            return "".join(_choice(element, one, names) for one in element["options"])
        case "image":
            return f'<img class="side" src="{escape(element["image_url"])}" alt="">'
    value = _shown_value(element, names)
    kind = "area" if element.get("multiline") else "field"
    arrow = '<span class="arrow">⌄</span>' if "select" in element["type"] else ""
    return f'<div class="{kind}">{value}{arrow}</div>'


def _shown_value(element: Json, names: Names) -> str:
    if element.get("initial_value"):
        return plain(element["initial_value"])
    if element.get("initial_option"):
        return _text(element["initial_option"]["text"], names)
    return f'<span class="faint">{_text(element.get("placeholder"), names)}</span>'


def _choice(element: Json, option: Json, names: Names) -> str:
    first = [element.get("initial_option"), *(element.get("initial_options") or ())]
    mark = "checked" if option in first else ""
    kind = "checkbox" if element["type"] == "checkboxes" else "radio"
    return f'<div><input type="{kind}" {mark}> {_text(option["text"], names)}</div>'


_DRAWN: dict[str, Callable[[Json, Names], str]] = {
    "section": _section,
    "divider": lambda block, names: "<hr>",
    "image": _image,
    "actions": _actions,
    "context": _context,
    "context_actions": lambda block, names: f'<div class="quiet">{_actions(block, names)}</div>',
    "header": lambda block, names: f'<div class="header">{_text(block["text"], names)}</div>',
    "markdown": lambda block, names: markdown(block["text"], names),
    "input": _input,
    "table": _table,
    "data_table": _table,
    "data_visualization": lambda block, names: chart(block),
    "rich_text": _rich,
    "task_card": _task_card,
    "plan": _plan,
}
