"""Small talk: greetings, thanks, praise, doubts. It is answered in a line, and nothing is run."""

from __future__ import annotations

import re
import unicodedata

from engine.planner.guide import EXAMPLES, Guide, list_files_if_forced
from engine.planner.text import escape, listing, shown_name
from engine.planner.workbench import Work

_LETTERS_MAX = 80  # small talk is short, and so is the search for it
_NAMED_EMOJI = re.compile(r":[a-z][\w+'-]*:", re.IGNORECASE)
_SMILEY = re.compile(r"[:;=]-?[()DPp]|\^\^|<3|\+1")
_FRIENDLY = re.compile(
    r"(?:(?:(?P<hello>hi|hello|hey|hiya|good (?:morning|afternoon|evening|day))|"
    r"(?P<thanks>thanks?|thank you|thx|ty|cheers)|"
    r"(?P<praise>ok(?:ay)?|k|great|cool|nice|perfect|awesome|super|excellent|brilliant|amazing|"
    r"lovely|wonderful|fantastic|neat|good|fine|alright|all right|got it|i see|makes sense|"
    r"sounds good|looks good|well done|understood|interesting|impressive|love it|wow|yay|"
    r"lol|(?:ha|he)+h?|hm+|ah+|oh|bye|see you)|"
    r"there|you|many|a lot|so much|very much|very|so|really|that is|that['’]s|this is|it['’]s|"
    r"everyone|all|again|work|job|for (?:this|that|your help|the help))(?:\W+|\Z))+",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"(?:(?:but|and|wait|sorry|hm+|ok(?:ay)?)\W+)*(?:what (?:do|did) (?:you|u) mean\b[^.?!\n]*|"
    r"what (?:do|does|did) (?:that|this|it) mean|why(?: is (?:that|this|it))?(?: not| so)?|really|"
    r"(?:are )?you sure(?: about (?:that|this|it))?|how (?:so|come)|huh|what|sorry|pardon|"
    r"i (?:don['’]?t|do not) (?:understand|get it|follow)|explain(?: (?:that|this|it))?|"
    r"is (?:that|this|it) (?:really )?(?:right|correct|true))",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:(?:yes|yep|yeah|no|nope|sure|please|go on|go ahead|do it|do that|continue|more)"
    r"(?:\W+|\Z))+",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:who|what|how) are you(?: doing)?|what (?:can|do|could) you do|what can i (?:ask|do)",
    re.IGNORECASE,
)
_ANSWERS = {
    "thanks": "You're welcome!",
    "praise": "Glad to help.",
    "blame": "Sorry. If something else was meant, please ask for it in full.",
    "doubt": "The answer above says what was computed and from which rows, and its code is kept "
    "with it. If something else was meant, please ask for it in full.",
    "wish": "Please say in full what is to be done.",
}


def kind_of(text: str) -> str:
    """`hello`, `thanks`, `praise`, `blame`, `doubt`, `wish` or `about`, where a text is nothing
    else."""
    if len(text) > _LETTERS_MAX:
        return ""
    bare = _SMILEY.sub(" ", _NAMED_EMOJI.sub(" ", text)).strip()
    spoken = "".join(" " if _is_emoji(letter) else letter for letter in bare).strip(" \n!.…,?")
    if not spoken:
        return _without_words(text)
    if (match := _FRIENDLY.fullmatch(spoken)) and any(match.groupdict().values()):
        if "?" in text and match["praise"]:
            return "doubt"
        return next(kind for kind in ("hello", "thanks", "praise") if match[kind])
    if _DOUBT.fullmatch(spoken):
        return "doubt"
    if _ABOUT.fullmatch(spoken):
        return "about"
    return "wish" if _WISH.fullmatch(spoken) else ""


def is_greeting(text: str) -> bool:
    """Whether there is nothing in a text but a greeting, thanks or praise."""
    return kind_of(text) in {"hello", "thanks", "praise"}


def _is_emoji(letter: str) -> bool:
    return unicodedata.category(letter) in {"So", "Sk", "Cf", "Mn"} and not letter.isascii()


def _without_words(text: str) -> str:
    if "?" in text:
        return "doubt"
    if "👎" in text:
        return "blame"
    return "hello" if "👋" in text else "praise" if text.strip() else ""


class SmallTalk:
    """Answers in a line; none of it is a question about a file."""

    def matches(self, work: Work) -> bool:
        """Whether there is nothing else; a doubt or a wish wants something before it."""
        kind = kind_of(work.text)
        is_of_before = kind in {"doubt", "wish", "blame"}
        return bool(kind and work.alone and not work.question.attached) and (
            bool(work.question.history) or not is_of_before
        )

    async def answer(self, work: Work) -> None:
        """Say the line; to a hello, and where it is asked, belongs what can be done."""
        kind = kind_of(work.text)
        if kind == "about":
            await Guide().answer(work)
            return
        await list_files_if_forced(work)
        if kind != "hello":
            await work.say(_ANSWERS[kind])
            return
        if work.files:
            name = escape(shown_name(work.files[0].path))
            await work.say(f"Hello! Ask me something about {name}, for example “what is in it?”.")
            return
        some = listing([f"“{escape(example)}”" for example in EXAMPLES[:3]], "or")
        await work.say(f"Hello! Ask me something, for example {some}.")
