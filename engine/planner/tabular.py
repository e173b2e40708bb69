"""Questions about tables: read the file, then profile, compute or draw as asked."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.planner import analysis, cleaning, joining, quality, wishes
from engine.planner.aside import left_aside
from engine.planner.computing import answer_ask, is_computable
from engine.planner.languages import READS_ENGLISH, is_foreign
from engine.planner.profile import answer_profile, suggestions
from engine.planner.protocol import LabFile
from engine.planner.questions import parse_ask, score
from engine.planner.restrictions import COMPUTED_NOTHING
from engine.planner.tables import Table, read_tables
from engine.planner.text import escape, listing, quoted, shown_name
from engine.planner.unread import strange_to_all, unread_note
from engine.planner.workbench import TABLES, Work

_MAX_FILES = 3
_MAX_COLUMNS = 20
_CLAUSE = re.compile(r"[,;.]\s+|\b(?:and|then)\b", re.IGNORECASE)


class Tabular:
    """Everything about csv, tsv, xlsx, json and parquet files."""

    def matches(self, work: Work) -> bool:
        """Whether there is a tabular file among those the question is about."""
        return any(file in work.focus for file in work.of(TABLES))

    async def answer(self, work: Work) -> None:
        """Read the tables, then do what the question asks of the one that fits best."""
        files = _chosen(work)
        empty = next((file for file in files if file.size_bytes == 0), None)
        if empty is not None:
            await work.say(f"{escape(shown_name(empty.path))} is empty (0 bytes): no table in it.")
            return
        paths = [file.path for file in files]
        tables = [table for table in await read_tables(work, paths) if table.columns]
        if not tables:
            names = ", ".join(escape(shown_name(path)) for path in paths)
            await work.say(f"I found no table in {names}.")
            return
        filled = [table for table in tables if table.rows] or tables
        best = max(reversed(filled), key=lambda table: score(work.text, table))
        if not best.rows:
            await work.say(*map(_said_rowless, tables))
            return
        strange = strange_to_all(work.text, tables)
        if is_foreign(strange):
            await _say_foreign(work, strange, tables)
        elif kind := _special(work.text, tables, best):
            await _do(kind, work, tables, best)
        else:
            await answer_ask(work, tables, best)
            if not work.named:
                await work.say(_said_rivals(work.text, tables, best))


def _said_rowless(table: Table) -> str:
    columns = listing([escape(column.name) for column in table.columns[:_MAX_COLUMNS]])
    more = f" and {len(table.columns) - _MAX_COLUMNS} more" * (len(table.columns) > _MAX_COLUMNS)
    return f"{escape(table.source.name)} has no rows, just a header: {columns}{more}."


def _said_rivals(text: str, tables: list[Table], best: Table) -> str:
    """A sentence on tables of other files that fit a question as well as `best`."""
    fit = score(text, best)
    rivals = [
        escape(table.source.name)
        for table in tables
        if table.rows and table.source.path != best.source.path and score(text, table) == fit > 0
    ]
    fits = "fits" if len(rivals) == 1 else "fit"
    return f"{listing(rivals)} {fits} as well: name a file to ask of that one." if rivals else ""


def _chosen(work: Work) -> list[LabFile]:
    """The named or attached tables, else the newest few of people's, else the newest; in the order
    in which they came. What was joined or cleaned before stands for what it came from."""
    files = work.of(TABLES)
    attached = [file for file in files if file.path in work.question.attached]
    people = [file for file in files if file.source == "user"][:_MAX_FILES]
    named = [file for file in files if file in work.named]
    if chosen := named or attached:
        return chosen[::-1]
    joined = [file for file in files if file.path == joining.PATH and _was_said(work, file.path)]
    return [*(_cleaned(work, file) for file in people[::-1]), *joined] or files[:1]


def _cleaned(work: Work, file: LabFile) -> LabFile:
    """What an earlier answer of this conversation cleaned a file into, else the file itself."""
    path = cleaning.cleaned_path(file.path)
    known = _was_said(work, path)
    return next((each for each in work.files if each.path == path and known), file)


def _was_said(work: Work, path: str) -> bool:
    return any(f"(sandbox:{path})" in past.answer for past in work.question.history)


async def _say_foreign(work: Work, strange: list[str], tables: list[Table]) -> None:
    """Guess no figure from half of a question; what is in a new file can be told all the same."""
    await work.say(f"{READS_ENGLISH} I made nothing of {quoted(strange[:4])}, {COMPUTED_NOTHING}.")
    if work.question.attached:
        await answer_profile(work, tables)
    else:
        await work.say(suggestions(tables[-1]))


def _special(text: str, tables: list[Table], best: Table) -> str:
    """What is wanted, where that needs no further reading of the question; else empty."""
    for kind, pattern in (
        ("change", wishes.CHANGES),
        ("join", wishes.JOIN),
        ("clean", wishes.CLEAN),
        ("missing", quality.MISSING),
        ("columns", wishes.COLUMNS),
        ("duplicates", quality.DUPLICATES),
        ("correlation", wishes.CORRELATION),
        ("outliers", wishes.OUTLIERS),
        ("forecast", wishes.FORECAST),
    ):
        impossible = (kind == "join" and len(tables) < 2) or (
            kind == "forecast" and (best.date is None or not best.numbers)
        )
        if pattern.search(text) and not impossible:
            return kind
    return ""


async def _do(kind: str, work: Work, tables: list[Table], best: Table) -> None:
    """Do what `_special` found, and name what else was asked."""
    text, ask, done = work.text, parse_ask(work.text, best), ["export"]
    if kind != "change":
        work.remark(unread_note(text, tables))
    match kind:
        case "change":
            await _refuse_change(work, best)
            return
        case "join":
            await _join(work, tables)
            return
        case "clean":
            await cleaning.answer_clean(work, best)
            path = cleaning.cleaned_path(best.source.path, best.source.sheet)
            await _go_on(work, path, wishes.CLEAN)
            return
        case "columns":
            await answer_profile(work, tables)
        case "missing" if quality.DROP.search(text):
            await quality.drop_missing(work, best)
        case "missing":
            await quality.answer_missing(work, best)
        case "duplicates":
            await quality.answer_duplicates(work, best)
        case "correlation":
            await analysis.answer_correlation(work, ask, best)
            done += ["filters", "chart"]
        case "outliers":
            await analysis.answer_outliers(work, ask, best)
            done += ["filters"]
        case "forecast":
            await analysis.answer_trend(work, ask, best)
            by_month = all(key.period == "month" for key in ask.keys)
            done += ["filters", "chart", "measures", *(["keys"] if by_month else [])]
    await work.say(left_aside(ask, text, done=done))


async def _refuse_change(work: Work, best: Table) -> None:
    match = wishes.CHANGES.search(work.text)
    said = escape(match.group()) if match else ""
    await work.say(
        f"I did not understand “{said}”: I can't change columns or fill in values, so I changed "
        "nothing.",
        suggestions(best),
    )


async def _join(work: Work, tables: list[Table]) -> None:
    """Join the first two tables; then compute from the result what else is asked."""
    names = [escape(table.source.name) for table in tables]
    if len(tables) > 2:
        work.remark(f"I join two tables: {listing(names[:2])}, not {listing(names[2:], 'or')}.")
    if await joining.answer_join(work, tables[0], tables[1]):
        await _go_on(work, joining.PATH, wishes.JOIN)


async def _go_on(work: Work, path: str, said: re.Pattern[str]) -> None:
    """Compute from a file just written what the question asks beyond what was `said` by it."""
    rest = " and ".join(part for part in _CLAUSE.split(work.text) if not said.search(part))
    if not rest.strip():
        return
    (table, *_) = await read_tables(work, [path])
    work = replace(work, text=rest, earlier=())
    if is_computable(rest, table):
        await answer_ask(work, [table], table)
