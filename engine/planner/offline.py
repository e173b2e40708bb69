"""The offline planner: rules instead of a language model, and honest about it in every answer."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.planner.absent import Absent, new_names, without_file_names
from engine.planner.arithmetic import Arithmetic
from engine.planner.documents import Archives, Documents
from engine.planner.equations import Equations
from engine.planner.fenced import Fenced
from engine.planner.guide import Guide, explain
from engine.planner.images import Images
from engine.planner.markup import without_emoji, without_markup
from engine.planner.note import read_note
from engine.planner.numbers import NumberTasks
from engine.planner.paragraphs import Paragraphs
from engine.planner.parts import FENCE, parts_of
from engine.planner.protocol import Lab, Question
from engine.planner.restrictions import COMPUTED_NOTHING
from engine.planner.smalltalk import SmallTalk, kind_of
from engine.planner.steps import Steps
from engine.planner.tabular import Tabular
from engine.planner.text import quoted
from engine.planner.workbench import CodeFailed, Skill, Work, choose, named_files

HONEST = "*offline planner: no language model is configured*"

# Asked in this order; the first that matches answers. A new skill is one class and one line here.
SKILLS: tuple[Skill, ...] = (
    SmallTalk(),
    Fenced(),
    NumberTasks(),
    Equations(),
    Steps(),
    Arithmetic(),
    Absent(),
    Images(),
    Tabular(),
    Archives(),
    Documents(),
    Guide(),
)

_AGAIN = re.compile(
    r"\s*(and |now |please |do (it|that) |the same |run (it|that) )*again[.!]?\s*", re.I
)
# What a chat quotes to say what a question is about: a title, or words without a number in them.
_CONTEXT = re.compile(r"^> (?:Title of the post: .*|[^\d\n]*)$\n?", re.MULTILINE)
_FILE_LINE = re.compile(r"^.*/mnt/data/file-\S+.*$\n?", re.MULTILINE)


class OfflinePlanner:
    """Answers by rules; `engine.planner.protocol.Planner` says what is asked of it."""

    async def answer(self, question: Question, lab: Lab) -> None:
        """Answer each part with the first skill that matches; say errors in plain words."""
        lab = Paragraphs(lab)
        note = read_note(question.context)
        listing = note.told_apart(await lab.files())
        people = {file.path for file in listing if file.source == "user"}
        sent = question.attached if note.sent is None else note.sent
        question = replace(question, attached=tuple(path for path in sent if path in people))
        understood = [past for past in question.history if COMPUTED_NOTHING not in past.answer]
        spoken = tuple(_plain(past.question) for past in understood)
        earlier = tuple(text for text in spoken if not kind_of(text))
        text = _plain(question.text)
        if _AGAIN.fullmatch(text) and earlier:
            text, earlier = earlier[-1], earlier[:-1]
        named = named_files(question.text, listing)
        files, parts = choose(question, listing), parts_of(text)
        for part in parts:
            work = Work(part, question, lab, files, earlier, named, note, len(parts) == 1)
            skill = next(skill for skill in SKILLS if skill.matches(work))
            try:
                await skill.answer(work)
            except CodeFailed as failure:
                await work.say(explain(failure))
        if new := [] if FENCE.search(question.text) else new_names(question.text):
            await lab.say(f"Files have names of my own here, not {quoted(new)}.")
        await lab.say(HONEST)


def _plain(text: str) -> str:
    """A question without file names, and without the marks around formulas; fences stay whole."""
    if FENCE.search(text):
        return text.strip()
    asked = _CONTEXT.sub("", text).strip() or text
    words = without_emoji(_FILE_LINE.sub("", asked))
    return without_file_names(without_markup(words)).strip()
