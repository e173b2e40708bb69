"""Questions about tables: read the file, then profile, compute or draw as asked."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.planner import (
    analysis,
    charts,
    cleaning,
    joining,
    overall,
    quality,
    ratios,
    raw_charts,
    rows,
    totals,
)
from engine.planner.asks import Ask
from engine.planner.profile import answer_profile, suggestions
from engine.planner.protocol import LabFile
from engine.planner.questions import is_follow_up, parse_ask, rows_counted, score
from engine.planner.restrictions import COMPUTED_NOTHING, not_understood, said_refusal
from engine.planner.roles import Key
from engine.planner.tables import Table, read_tables
from engine.planner.text import escape, link, shown_name
from engine.planner.unread import unread_note
from engine.planner.workbench import TABLES, Work

_MAX_FILES = 3
_PROFILE = re.compile(
    r"what('s| is| are| do| does)\b.*\b(in|about|this|it|file|data|contain)|describe|summar\w+|"
    r"profile|overview|explore|look at|analy[sz]e|inspect|columns|tell me about|head\b|"
    r"first rows|preview",
    re.IGNORECASE,
)
_CLEAN = re.compile(
    r"\b(clean\w*|tidy|dedup\w*|remove duplicates|fix (the|my|this) (data|file))\b", re.I
)
_CORRELATION = re.compile(r"\bcorrelat\w*|\bheat ?map", re.IGNORECASE)
_OUTLIERS = re.compile(r"\boutliers?|\banomal\w+", re.IGNORECASE)
_FORECAST = re.compile(
    r"\b(forecast\w*|predict\w*|extrapolat\w*|project(?:ed|ion)|trend ?line|linear trend)\b", re.I
)
_TREND = re.compile(r"\b(trends?|season\w*)\b", re.IGNORECASE)
_CHANGES = re.compile(
    r"\b(?:delete|drop|remove|rename|add|insert|hide) (?:the |a |an |new )*(?:\w+ )?columns?\b|"
    r"\b(?:fill|replace|impute|interpolate)\b(?! ?(?:out|up)).*",
    re.IGNORECASE,
)
_JOIN = re.compile(r"\b(join|merge|combine)\b", re.IGNORECASE)


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
        best = max(tables, key=lambda table: score(work.text, table))
        if not await _special(work, tables, best):
            await _compute(work, tables, best)


def _chosen(work: Work) -> list[LabFile]:
    """The named or attached tables, else the newest few of people's, else the newest."""
    files = work.of(TABLES)
    attached = [file for file in files if file.path in work.question.attached]
    people = [file for file in files if file.source == "user"][:_MAX_FILES]
    named = [file for file in files if file in work.named]
    return named or attached or [_cleaned(work, file) for file in people] or files[:1]


def _cleaned(work: Work, file: LabFile) -> LabFile:
    """What an earlier answer of this conversation cleaned a file into, else the file itself."""
    path = cleaning.cleaned_path(file.path)
    known = any(f"(sandbox:{path})" in past.answer for past in work.question.history)
    return next((each for each in work.files if each.path == path and known), file)


async def _special(work: Work, tables: list[Table], best: Table) -> bool:
    """Answer what needs no further reading of the question; False where it is something else."""
    text = work.text
    if match := _CHANGES.search(text):
        await work.say(
            f"I did not understand “{escape(match.group())}”: I can't change columns or fill in "
            "values, so I changed nothing.",
            suggestions(best),
        )
    elif _JOIN.search(text) and len(tables) > 1:
        await joining.answer_join(work, tables[0], tables[1])
    elif _CLEAN.search(text):
        await cleaning.answer_clean(work, best)
    elif quality.MISSING.search(text):
        act = quality.drop_missing if quality.DROP.search(text) else quality.answer_missing
        await act(work, best)
    elif quality.DUPLICATES.search(text):
        await quality.answer_duplicates(work, best)
    elif _CORRELATION.search(text):
        await analysis.answer_correlation(work, best)
    elif _OUTLIERS.search(text):
        await analysis.answer_outliers(work, parse_ask(text, best), best)
    elif _FORECAST.search(text) and best.date is not None and best.numbers:
        await analysis.answer_trend(work, parse_ask(text, best), best)
    else:
        return False
    return True


async def _compute(work: Work, tables: list[Table], best: Table) -> None:
    ask = parse_ask(work.text, best)
    stands_alone = bool(ask.measures and ask.keys)
    history = work.question.history
    if history and COMPUTED_NOTHING in history[-1].answer and is_follow_up(work.text):
        await work.say("There is no figure before this to go on from: please ask in full.")
        return
    if work.earlier and not stands_alone and (is_follow_up(work.text) or ask.leans):
        best, ask = _follow_up(work, tables, best)
    text = rows_counted(work.text, best)
    unknown = not_understood(text, best, bool(ask.chart))
    if unknown and (ask.is_clear or rows.wants_rows(work.text, ask)):
        await work.say(*said_refusal(unknown, best, tables))
    elif rows.wants_rows(work.text, ask):
        await rows.answer_rows(work, ask, best)
    elif (ratio := ratios.find_ratio(work.text, ask, best)) is not None:
        await ratios.answer_ratio(work, ask, ratio, best)
    elif ask.is_clear:
        if _TREND.search(work.text) and not ask.chart:
            ask = replace(ask, chart="line")
        await work.say(unread_note(work.text, best))
        await compute(work, ask, best)
    elif _PROFILE.search(work.text) or not work.earlier:
        await answer_profile(work, tables, asked=_PROFILE.search(work.text) is not None)
    else:
        await work.say("I could not tell what to compute.", suggestions(best))


def _follow_up(work: Work, tables: list[Table], own: Table) -> tuple[Table, Ask]:
    """Add what the earlier questions said, back to the last one that stood alone; unless the new
    one names columns that only `own`, the table that fits it best, has."""
    said: list[str] = []
    for text in reversed(work.earlier):
        said.insert(0, text)
        if not is_follow_up(text):
            break
    table = max(tables, key=lambda each: score(" ".join([*said, work.text]), each))
    there, here = parse_ask(work.text, table), parse_ask(work.text, own)
    if (here.measures or here.keys) and not (there.measures or there.keys):
        return own, here
    ask = Ask()
    for text in [*said, work.text]:
        ask = parse_ask(text, table).after(ask)
    return table, ask


async def compute(work: Work, ask: Ask, table: Table) -> None:
    """Answer a clear ask: raw charts, top rows, values over all rows, or groups with a chart."""
    if ask.chart in raw_charts.KINDS and await raw_charts.answer_raw(work, ask, table):
        return
    if not ask.keys and ask.chart:
        ask = _with_a_key(ask, table)
    if not ask.keys and (ask.rank or ask.top) and table.main_number is not None:
        measures = ask.measures or (table.main_number.name,)
        await overall.top_rows(work, replace(ask, measures=measures), table)
        return
    ask = totals.complete(ask, table)
    if ask.keys:
        await _groups(work, ask, table)
    else:
        await overall.answer_overall(work, ask, table)


async def _groups(work: Work, ask: Ask, table: Table) -> None:
    done = await totals.grouped(work, ask, table)
    made, changed = [done.path], ""
    if ask.chart:
        drawn = done
        if ask.running and len(ask.keys) == 1:
            drawn = replace(done, values=("running_total",), title=f"running {done.title}")
        kind, changed = charts.kind_for(ask, drawn, table)
        made.insert(0, await charts.draw_grouped(work, ask, kind, drawn, table))
    if ask.export == "xlsx":
        made.append(await totals.to_workbook(work, done))
    if await totals.answer_grouped(work, ask, table, done):
        await work.say(changed, "Files: " + " · ".join(map(link, made)))


def _with_a_key(ask: Ask, table: Table) -> Ask:
    """A chart needs something to draw by: time for lines, else the clearest category."""
    if table.date is not None and (ask.chart in {"line", "auto"} or table.category is None):
        return replace(ask, keys=(Key(table.date.name, "month"),))
    if table.category is not None:
        return replace(ask, keys=(Key(table.category.name),))
    return ask
