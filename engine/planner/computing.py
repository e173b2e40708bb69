"""A question about tables, computed: rows, ratios, totals, charts; or why it can't be."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.planner import charts, overall, ratios, raw_charts, rows, totals, wishes
from engine.planner.aside import left_aside
from engine.planner.asks import Ask
from engine.planner.profile import answer_profile, suggestions
from engine.planner.questions import is_follow_up, parse_ask, rows_counted, score
from engine.planner.restrictions import COMPUTED_NOTHING, not_understood, said_refusal
from engine.planner.roles import Key
from engine.planner.smalltalk import is_greeting
from engine.planner.tables import Table
from engine.planner.text import link, quoted
from engine.planner.unread import strange_to_all, unread, unread_note
from engine.planner.workbench import Work


def is_computable(text: str, table: Table) -> bool:
    """Whether a text asks for something that can be computed from a table."""
    ask = parse_ask(text, table)
    return ask.is_clear or rows.wants_rows(text, ask)


async def answer_ask(work: Work, tables: list[Table], best: Table) -> None:
    """Answer from the table that fits best; refuse what would not be what was asked."""
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
        work.remark(unread_note(work.text, [best]))
        await rows.answer_rows(work, ask, best)
    elif (ratio := ratios.find_ratio(work.text, ask, best)) is not None:
        note = unread_note(re.sub(r"\bprices?\b", " ", work.text), [best])
        work.remark(note)  # a ratio is said with what was taken for the price
        await ratios.answer_ratio(work, ask, ratio, best)
        done = ("filters", "keys", "measures")
        await work.say(left_aside(ask, work.text, done=done))
    elif ask.is_clear:
        if wishes.TREND.search(work.text) and not ask.chart:
            ask = replace(ask, chart="line")
        work.remark(unread_note(work.text, [best]))
        await compute(work, ask, best)
    elif wishes.PROFILE.search(work.text) or not work.earlier:
        await _profile(work, tables)
    else:
        strange = quoted(unread(work.text, best)[:4])
        nothing = f"I made nothing of {strange} and" if strange else "I"
        await work.say(f"{nothing} could not tell what to compute.", suggestions(best))


async def _profile(work: Work, tables: list[Table]) -> None:
    """What is in the tables; what else was asked, if anything, is said not to be understood."""
    strange = quoted(strange_to_all(work.text, tables)[:4])
    if strange:
        work.remark(f"I made nothing of {strange}, so here is what is in the file.")
    elif not wishes.PROFILE.search(work.text) and not is_greeting(work.text):
        work.remark("I could not tell what to compute, so here is what is in the file.")
    await answer_profile(work, tables)


def _follow_up(work: Work, tables: list[Table], own: Table) -> tuple[Table, Ask]:
    """Add what the earlier questions said, back to the last one that stood alone; unless the new
    one names columns that only `own`, the table that fits it best, has."""
    said: list[str] = []
    for text in reversed(work.earlier):
        said.insert(0, text)
        if not is_follow_up(text):
            break
    table = max(reversed(tables), key=lambda each: score(" ".join([*said, work.text]), each))
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
        done = ["filters", "measures", "chart", *(["keys"] if ask.chart == "box" else [])]
        await work.say(left_aside(ask, work.text, done=done))
        return
    if not ask.keys and ask.chart:
        ask = _with_a_key(ask, table)
    if not ask.keys and (ask.rank or ask.top) and table.main_number is not None:
        measures = ask.measures or (table.main_number.name,)
        await overall.top_rows(work, replace(ask, measures=measures), table)
        await work.say(left_aside(ask, work.text, done=("filters", "measures", "top")))
        return
    ask = totals.complete(ask, table)
    if ask.keys:
        await _groups(work, ask, table)
        return
    await overall.answer_overall(work, ask, table)
    await work.say(
        "I drew no chart: there is no column to draw it by." if ask.chart else "",
        left_aside(ask, work.text, done=("filters", "measures", "chart")),
    )


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
