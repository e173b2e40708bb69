"""Questions about tables: read the file, then profile, compute or draw as asked."""

from __future__ import annotations

import re

from engine.planner import analysis, charts, cleaning, joining, totals
from engine.planner.asks import Ask, is_follow_up, parse_ask, score
from engine.planner.profile import answer_profile, suggestions
from engine.planner.tables import Table, read_tables
from engine.planner.text import escape, link, shown_name
from engine.planner.workbench import TABLES, Work

_MAX_FILES = 3
_PROFILE = re.compile(
    r"what('s| is| are| do| does)\b.*\b(in|about|this|it|file|data|contain)|describe|summar\w+|profile|"
    r"overview|explore|look at|analy[sz]e|inspect|columns|tell me about|head\b|first rows|preview",
    re.IGNORECASE,
)
_CLEAN = re.compile(
    r"\b(clean\w*|tidy|dedup\w*|remove duplicates|fix (the|my|this) (data|file))\b", re.I
)
_CORRELATION = re.compile(r"\bcorrelat\w*|\bheat ?map", re.IGNORECASE)
_OUTLIERS = re.compile(r"\boutliers?|\banomal\w+", re.IGNORECASE)
_FORECAST = re.compile(
    r"\b(forecast\w*|predict\w*|extrapolat\w*|trend ?line|linear trend|trend)\b", re.I
)
_JOIN = re.compile(r"\b(join|merge|combine)\b", re.IGNORECASE)


class Tabular:
    """Everything about csv, tsv, xlsx, json and parquet files."""

    def matches(self, work: Work) -> bool:
        """Whether there is a tabular file."""
        return bool(work.of(TABLES))

    async def answer(self, work: Work) -> None:
        """Read the tables, then do what the question asks of the one that fits best."""
        paths = [file.path for file in self._chosen(work)]
        tables = await read_tables(work, paths)
        tables = [table for table in tables if table.columns]
        if not tables:
            await work.say(f"I found no table in {escape(shown_name(paths[0]))}.")
            return
        text = work.text
        if _JOIN.search(text) and len(tables) > 1:
            await joining.answer_join(work, tables[0], tables[1])
            return
        best = max(tables, key=lambda table: score(text, table))
        if _CLEAN.search(text):
            await cleaning.answer_clean(work, best)
        elif _CORRELATION.search(text):
            await analysis.answer_correlation(work, best)
        elif _OUTLIERS.search(text):
            await analysis.answer_outliers(work, parse_ask(text, best), best)
        elif _FORECAST.search(text) and best.date is not None and best.numbers:
            await analysis.answer_trend(work, parse_ask(text, best), best)
        else:
            await self._compute(work, tables, best)

    def _chosen(self, work: Work) -> list:
        """The named or attached tables, else the newest few of people's, else the newest."""
        files = work.of(TABLES)
        spoken = work.question.text.casefold()
        named = [f for f in files if shown_name(f.path).casefold() in spoken]
        attached = [f for f in files if f.path in work.question.attached]
        people = [f for f in files if f.source == "user"][:_MAX_FILES]
        return named or attached or people or files[:1]

    async def _compute(self, work: Work, tables: list[Table], best: Table) -> None:
        ask = parse_ask(work.text, best)
        if work.earlier and (is_follow_up(work.text) or not ask.is_clear):
            best, ask = self._follow_up(work, tables, best, ask)
        if not ask.is_clear:
            if _PROFILE.search(work.text) or len(work.text.split()) < 3 or not work.earlier:
                await answer_profile(work, tables, asked=bool(_PROFILE.search(work.text)))
            else:
                await work.say("I could not tell what to compute.", suggestions(best))
            return
        await compute(work, ask, best)

    def _follow_up(
        self, work: Work, tables: list[Table], best: Table, ask: Ask
    ) -> tuple[Table, Ask]:
        """Add what the earlier questions said, back to the last one that was clear by itself."""
        said: list[str] = []
        for text in reversed(work.earlier):
            said.insert(0, text)
            if not is_follow_up(text):
                break
        table = max(tables, key=lambda t: score(" ".join([*said, work.text]), t))
        earlier = Ask()
        for text in said:
            earlier = parse_ask(text, table).after(earlier)
        ask = parse_ask(work.text, table)
        changes_chart_only = ask.chart and not (ask.measures or ask.keys or ask.aggregates)
        return table, ask.after(
            earlier if ask.is_clear or ask.filters or changes_chart_only else earlier
        )


async def compute(work: Work, ask: Ask, table: Table) -> None:
    """Answer a clear ask: raw charts, top rows, values over all rows, or groups with a chart."""
    if ask.chart in {"histogram", "scatter", "box"} and not (ask.chart == "histogram" and ask.keys):
        path = await charts.draw_raw(work, ask, table)
        if path is not None:
            name = escape(table.source.name)
            await work.say(
                f"Here is the {ask.chart} from {name}:", link(path), totals.notes(ask, table)
            )
            return
    if not ask.keys and ask.chart:
        ask = _with_a_key(ask, table)
    if not ask.keys and (ask.rank or ask.top) and ask.measures:
        await totals.top_rows(work, ask, table)
        return
    ask = totals.complete(ask, table)
    if not ask.keys:
        await totals.answer_overall(work, ask, table)
        return
    done = await totals.grouped(work, ask, table, export="csv")
    await totals.answer_grouped(work, ask, table, done)
    made = []
    if ask.chart:
        is_date = table.column(ask.keys[0].column).kind == "date"
        made.append(await charts.draw_grouped(work, ask, done, is_date))
    made.append(done.path)
    if ask.export == "xlsx":
        made.append(await totals.to_workbook(work, done))
    await work.say("Files: " + " · ".join(map(link, made)))


def _with_a_key(ask: Ask, table: Table) -> Ask:
    from dataclasses import replace

    from engine.planner.asks import Key

    if table.date is not None and ask.chart in {"line", "auto"}:
        return replace(ask, keys=(Key(table.date.name, "month"),))
    if table.category is not None:
        return replace(ask, keys=(Key(table.category.name),))
    return ask
