"""The words that a person reads in blocks."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def readable(block: Json) -> str:
    """A block's own words."""
    match block.get("type"):
        case "markdown" | "header" | "section":
            text = block.get("text") or ""
            fields = [one.get("text", "") for one in block.get("fields") or ()]
            own = text if isinstance(text, str) else str(text.get("text", ""))
            return "\n".join(part for part in [own, *fields] if part)
        case "context":
            return " ".join(str(one.get("text", "")) for one in block["elements"])
        case "table" | "data_table":
            return "\n".join(" | ".join(cell_text(c) for c in row) for row in block["rows"])
        case "image":
            return str(block.get("alt_text", ""))
        case "data_visualization":
            return str(block.get("title", ""))
        case "rich_text":
            return cell_text(block)
    return ""


def cell_text(cell: Any) -> str:
    """The words anywhere within a rich text or a table's cell."""
    if isinstance(cell, list):
        return "".join(cell_text(one) for one in cell)
    if not isinstance(cell, dict):
        return "" if cell is None else str(cell)
    for key in ("text", "value", "elements"):
        if key in cell:
            return cell_text(cell[key])
    return ""
