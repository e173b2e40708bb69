"""Rows of a table as they are: the first ones, sorted, those that fit a condition, as a file."""

from __future__ import annotations

import re

from engine.planner.asks import Ask
from engine.planner.tables import Table
from engine.planner.text import (
    escape,
    link,
    literal,
    number,
    output_path,
    section,
    shown_name,
    slug,
    table,
    value,
)
from engine.planner.totals import conditions, prepare
from engine.planner.workbench import Work

_SHOWN = 10
_MAX_SHOWN = 50
_ENDS = re.compile(
    r"\b(?P<which>first|top|last|bottom|random)\s+"
    r"(?:(?P<count>\d{1,3}(?:,\d{3}){1,2}|\d{1,7})\s+)?(?:rows?|lines?|records?|entries)\b|"
    r"\b(?P<head>head)\b|\b(?P<tail>tail)\b",
    re.IGNORECASE,
)
_SORT = re.compile(r"\b(?:sort|order)(?:ed)?\b.{0,30}?\bby\b(?P<what>.*)", re.I | re.S)
_DOWN = re.compile(
    r"\bdesc\w*|\b(?:highest|largest|biggest|newest|latest|high|large)\b.*\b(?:first|to)\b", re.I
)
_LIST = re.compile(
    r"\b(?:show|list|display|give|print|find|see|view|get|which|what|filter)\b.*\b(?:rows?|lines?|"
    r"records?|entries|orders|transactions|purchases)\b",
    re.IGNORECASE | re.DOTALL,
)
_EXPORT = re.compile(
    r"\b(?:export|save|convert|download|turn)\b.*\b(?P<kind>excel|xlsx|csv|json|parquet)\b", re.I
)
_WRITERS = {
    "xlsx": "to_excel({}, index=False)",
    "csv": "to_csv({}, index=False)",
    "json": 'to_json({}, orient="records", date_format="iso", indent=2)',
    "parquet": "to_parquet({}, index=False)",
}


def wants_rows(text: str, ask: Ask) -> bool:
    """Whether a question is about rows themselves rather than a figure computed from them."""
    if ask.chart or ask.aggregates:
        return False
    sort = _SORT.search(text)
    if sort is not None and not ask.rank:
        return not re.search(r"\b(?:by|per)\b", text[: sort.start()], re.IGNORECASE)
    if _ENDS.search(text):
        return not ask.measures and not ask.keys
    if _EXPORT.search(text):
        return not ask.measures and not ask.keys and not ask.rank
    return _LIST.search(text) is not None and bool(ask.filters) and not ask.keys


async def answer_rows(work: Work, ask: Ask, table_: Table) -> None:
    """Show the rows that are wanted, and write them to a file unless it is only a look."""
    text = work.text
    ends, sort, export = _ENDS.search(text), _SORT.search(text), _EXPORT.search(text)
    columns = [*(key.column for key in ask.keys), *ask.measures] if sort else []
    to_excel = export is not None and export["kind"].lower() in {"excel", "xlsx"}
    typed = [c.name for c in table_.columns if to_excel and (c.hint or c.kind == "date")]
    used = Ask(measures=(*columns, *typed), filters=ask.filters)
    lines = [*prepare(used, table_), *_keep_unreadable(table_, typed), ""]
    down = _DOWN.search(sort["what"]) is not None if sort else False
    if columns:
        by = ", ".join(map(literal, columns))
        lines.append(f"df = df.sort_values([{by}], ascending={not down}, kind='stable')")
    lines += ['print("Rows:", len(df))']
    which, count = _which(ends), _count(ends)
    is_long = count > _MAX_SHOWN and table_.rows > _MAX_SHOWN
    lines += [f"shown = df.{which}(min({count}, len(df)))"]
    if is_long:
        lines += ["df = shown  # the file has them all", 'print("Wanted:", len(df))']
    lines += ['print("Result")', f"print(shown.head({_MAX_SHOWN}).to_csv(index=False))"]
    kept = bool(ask.filters) or is_long
    path = _path(table_, sorted_=bool(columns), kept=kept, export=export)
    if path:
        kind = path.rpartition(".")[2]
        lines += ["", f"df.{_WRITERS[kind].format(literal(path))}", 'print("saved")']
    logs = await work.run("\n".join(lines), "list the rows")
    head, *rows = section(logs, "Result") or [[]]
    total = number(value(logs, "Rows"))
    said = [f"sorted by {' and '.join(map(escape, columns))}"] if columns else []
    said[len(said) :] = ["descending" if down else "ascending"] if columns else []
    order = f", {', '.join(said)}" if said else ""
    fit = f" that fit {conditions(ask)}" if ask.filters else ""
    name = escape(table_.source.name)
    amounts = {column.name for column in table_.numbers}
    shown = _said_shown(which, len(rows), total, number(value(logs, "Wanted")))
    await work.say(
        f"**{total}** row{'s' * (total != '1')} of {name}{fit}{order}{shown}",
        table(head, rows, [i for i, each in enumerate(head) if each in amounts]) if rows else "",
        f"Files: {link(path)}" if path else "",
    )


def _said_shown(which: str, shown: int, total: str, wanted: str) -> str:
    """Which of `total` rows are shown, and that a file has the rest of those `wanted`."""
    place = {"head": "the first", "tail": "the last", "sample": "a random"}[which]
    if not shown:
        return "."
    if wanted and wanted != str(shown):
        what = "all" if wanted == total else f"{place} {wanted}"
        return f"; {what} are in the file, here are {shown}:"
    return f"; {place} {shown}:" if str(shown) != total else ":"


def _keep_unreadable(table_: Table, names: list[str]) -> list[str]:
    """Numbers and dates are written as such; a cell that reads as neither stays as it was."""
    if not names:
        return []
    listed = f"[{', '.join(map(literal, names))}]"
    return [
        f"original = {table_.source.read}.rename(columns=str.strip)",
        f"for name in {listed}:",
        "    if df[name].isna().any():",
        "        df[name] = df[name].astype(object).where(df[name].notna(), original[name])",
    ]


def _count(ends: re.Match[str] | None) -> int:
    said = ends["count"] if ends else None
    return int(said.replace(",", "")) if said else _SHOWN


def _which(ends: re.Match[str] | None) -> str:
    said = (ends["which"] or ends["head"] or ends["tail"] or "").lower() if ends else ""
    return {"last": "tail", "bottom": "tail", "tail": "tail", "random": "sample"}.get(said, "head")


def _path(table_: Table, *, sorted_: bool, kept: bool, export: re.Match[str] | None) -> str:
    if not (sorted_ or kept or export):
        return ""
    kind = export["kind"].lower() if export else "csv"
    name = shown_name(table_.source.path).rpartition(".")[0] or "rows"
    parts = [name, *(["sorted"] if sorted_ else []), *(["selected"] if kept else [])]
    return output_path(f"{slug(*parts)}.{kind.replace('excel', 'xlsx')}")
