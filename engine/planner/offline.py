"""The offline planner: rules instead of a language model, and honest about it in every answer."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.planner.arithmetic import Arithmetic
from engine.planner.documents import Archives, Documents
from engine.planner.equations import Equations
from engine.planner.fenced import Fenced
from engine.planner.guide import Guide, explain
from engine.planner.images import Images
from engine.planner.markup import without_markup
from engine.planner.numbers import NumberTasks
from engine.planner.protocol import Lab, Question
from engine.planner.restrictions import COMPUTED_NOTHING
from engine.planner.steps import Steps
from engine.planner.tabular import Tabular
from engine.planner.workbench import (
    FILE_NAME,
    CodeFailed,
    Skill,
    Work,
    choose,
    named_files,
    told_apart,
)

HONEST = "*offline planner: no language model is configured*"

# Asked in this order; the first that matches answers. A new skill is one class and one line here.
SKILLS: tuple[Skill, ...] = (
    Fenced(),
    NumberTasks(),
    Equations(),
    Steps(),
    Arithmetic(),
    Images(),
    Tabular(),
    Archives(),
    Documents(),
    Guide(),
)

_AGAIN = re.compile(
    r"\s*(and |now |please |do (it|that) |the same |run (it|that) )*again[.!]?\s*", re.I
)
_FENCE = re.compile(r"```.*?```", re.DOTALL)
_FILE_LINE = re.compile(r"^.*/mnt/data/file-\S+.*$\n?", re.MULTILINE)


class OfflinePlanner:
    """Answers by rules; `engine.planner.protocol.Planner` says what is asked of it."""

    async def answer(self, question: Question, lab: Lab) -> None:
        """Answer with the first skill that matches; say errors of the code in plain words."""
        listing = told_apart(question.context, await lab.files())
        made = {file.path for file in listing if file.source != "user"}
        attached = tuple(path for path in question.attached if path not in made)
        question = replace(question, attached=attached)
        understood = [past for past in question.history if COMPUTED_NOTHING not in past.answer]
        earlier = tuple(_plain(past.question) for past in understood)
        text = _plain(question.text)
        if _AGAIN.fullmatch(text) and earlier:
            text, earlier = earlier[-1], earlier[:-1]
        named = named_files(question.text, listing)
        work = Work(text, question, lab, choose(question, listing), earlier, named)
        skill = next(skill for skill in SKILLS if skill.matches(work))
        try:
            await skill.answer(work)
        except CodeFailed as failure:
            await work.say(explain(failure))
        await lab.say(HONEST)


def _plain(text: str) -> str:
    """A question without file names, so that `clean.csv` cleans nothing, and without the marks
    around formulas; fences stay whole."""
    if _FENCE.search(text):
        return text.strip()
    return FILE_NAME.sub(" ", without_markup(_FILE_LINE.sub("", text))).strip()
