"""What the planner can do, and what went wrong, in plain words."""

from __future__ import annotations

import re

from engine.planner import wishes
from engine.planner.languages import READS_ENGLISH, is_foreign
from engine.planner.text import escape, shown_name
from engine.planner.workbench import CodeFailed, Work

EXAMPLES = (
    "(1250 - 200) * 1.19",
    "3x + 11 = 14. Show x.",
    "Compute 4 * 3.82. Then take the square root of that result.",
    "simulate 10,000 rolls of two dice",
)
_ASKS = re.compile(
    r"^\s*(?:hi|hello|hey|help|thanks?|thank you)\b|what can (?:you|i)|(?:who|what|how) are you|"
    r"how (?:do|does) (?:you|this|it)",
    re.IGNORECASE,
)
# What is asked of tables, pictures and other files, and of nothing else.
_OF_FILES = re.compile(
    r"\b(?:files?|sheets?|spreadsheets?|workbook|csv|tsv|xlsx?|excel|pdf|documents?|tables?|"
    r"datasets?|data|columns?|rows?|totals?|average|median|charts?|plot|graph|histogram|pivot|"
    r"per|by (?:day|week|month|quarter|year|region|product|customer|category)|monthly|quarterly|"
    r"yearly|revenue|sales|turnover|profit|orders|customers|how many|top \d+|highest|lowest|"
    r"describe|summar\w+|analy[sz]e|profile|pictures?|images?|photos?|rotate|crop|resize|"
    r"gr[ae]yscale|blur|sharpen|mirror|thumbnail|export|clean (?:it|this|up|the)|"
    + wishes.WORDS
    + r")\b",
    re.IGNORECASE,
)
_NO_FILE = "There is no file here yet: drop one into this conversation, then ask."
_LETTERS = re.compile(r"[^\W\d_]+")
_HINTS = (
    (
        r"math domain error|math range error",
        "The calculation leaves the real numbers, or what Python's own numbers can hold.",
    ),
    (
        r"BadZipFile|not a zip file|File is not a zip",
        "The file is not a real Excel workbook; it may be damaged or of another type.",
    ),
    (
        r"Excel file format cannot be determined|OptionError",
        "The file is not a real Excel workbook; it may be damaged or of another type.",
    ),
    (r"Import '", "Files of this format can't be read here; save it as .xlsx or .csv."),
    (r"EmptyDataError", "The file is empty."),
    (
        r"Error tokenizing|ParserError",
        "Some lines have more fields than the others, so the table can't be read.",
    ),
    (r"JSONDecodeError", "The file is not valid JSON."),
    (r"ArrowInvalid", "The file is not valid Parquet; it may be damaged."),
    (r"UnidentifiedImageError", "The file is not an image that can be read; it may be damaged."),
    (r"DecompressionBomb", "The image would unpack to an enormous size, so it was not opened."),
    (r"ZeroDivisionError", "There is a division by zero in it."),
)


def explain(failure: CodeFailed) -> str:
    """A sentence on what was tried and why it failed, with the error itself."""
    hint = next((said for pattern, said in _HINTS if re.search(pattern, failure.error)), "")
    error = " ".join(failure.error.split()).replace("`", "'")[:500]
    parts = [f"I tried to {failure.doing}, but it failed.", failure.limit or hint]
    if failure.error != failure.limit:
        parts.append(f"The error: `{error}`")
    return " ".join(filter(None, parts))


async def list_files_if_forced(work: Work) -> None:
    """Run a little code where the request wants some run, whatever is asked."""
    if work.question.must_use_tool:
        await work.run("import os\n\nprint(sorted(os.listdir('/mnt/data')))", "list the files")


class Guide:
    """Answers what nothing else understood."""

    def matches(self, work: Work) -> bool:
        """Always: it comes last."""
        return True

    async def answer(self, work: Work) -> None:
        """Say what can be asked; list the files that are there, or that one is missing."""
        await list_files_if_forced(work)
        is_other = is_foreign(_LETTERS.findall(work.text))
        if _wants_file(work) and not is_other:
            await work.say(_NO_FILE if work.alone else f"“{escape(work.text)}”: {_NO_FILE}")
            return
        if not work.alone:
            await work.say(f"I made nothing of “{escape(work.text)}”.")
            return
        names = ", ".join(escape(shown_name(file.path)) for file in work.files[:10])
        examples = "\n".join(f"- “{escape(example)}”" for example in EXAMPLES)
        await work.say(
            READS_ENGLISH if is_other else "",
            "" if _ASKS.search(work.text) else "I could not tell what is wanted.",
            "I work by rules: I can profile, total, chart and "
            "clean tables (csv, tsv, xlsx, json, parquet), edit images, compute, solve equations, "
            "and run a block of code fenced as `python` as it is.",
            f"Files here: {names}." if names else "Drop a spreadsheet or an image, or try these:",
            "" if names else examples,
        )


def _wants_file(work: Work) -> bool:
    asks = _ASKS.search(work.text) is None and _OF_FILES.search(work.text) is not None
    return asks and not work.files
