"""No figure hides that a part of the question was not understood, or comes from the wrong file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from engine.planner.offline import OfflinePlanner
from engine.planner.protocol import Exchange, Question
from tests.fakes.lab import FolderLab

SAMPLE = Path(__file__).parents[2] / "adapters/web/static/sample-sales.csv"
SALES = "file-AbCdEf123456-sample-sales.csv"
TOTAL = "**48,832.55**, over 120 rows of sample-sales.csv"


@pytest.fixture
def lab(tmp_path: Path) -> FolderLab:
    """A lab that holds the sample."""
    lab = FolderLab(tmp_path)
    lab.upload(SALES, SAMPLE.read_bytes())
    return lab


async def ask(
    lab: FolderLab, text: str, history: Sequence[Exchange] = (), context: str = ""
) -> str:
    """The answer to a question; all uploads count as sent with it where a context is given."""
    lab.said.clear()
    attached = tuple(file.path for file in await lab.files() if context and file.source == "user")
    await OfflinePlanner().answer(Question(text, "", attached, history, context=context), lab)
    return lab.answer


async def talk(lab: FolderLab, *texts: str) -> str:
    """The last answer of a conversation."""
    history: list[Exchange] = []
    for text in texts:
        history.append(Exchange(text, await ask(lab, text, history)))
    return history[-1].answer


async def test_a_file_that_code_made_is_no_source(lab: FolderLab) -> None:
    """After a reset, questions are about people's files, not about what code wrote since."""
    await ask(lab, "total revenue by region")

    assert TOTAL in await ask(lab, "total revenue")


async def test_the_note_tells_made_files_in_a_new_container(lab: FolderLab) -> None:
    """In a rebuilt container all files are uploads: the note says which of them code made."""
    made = lab.upload(
        "file-XyZ123456789-total_revenue_by_region.csv", b"region,total_revenue\nA,1\n"
    )
    note = "[Workspace note from Threadlab]\nFiles in the workspace:\n" + "\n".join(
        f'- "x" at {json.dumps(path)} (9 bytes, {how})'
        for path, how in [
            (f"/mnt/data/{SALES}", "sent by a person"),
            (made, "made by earlier code"),
        ]
    )

    assert TOTAL in await ask(lab, "total revenue", context=note)
    named = await ask(lab, "how many rows are in total_revenue_by_region.csv?", context=note)
    assert "**1** row in total_revenue_by_region.csv" in named


async def test_what_was_cleaned_is_used_from_then_on(lab: FolderLab) -> None:
    """After cleaning, questions are about the cleaned file, and the answer names it."""
    clean = "sample_sales_clean.csv"

    assert f"119 rows of {clean}" in await talk(lab, "clean it", "total revenue by region")
    assert "119" in await talk(lab, "clean it", "export it as excel")
    assert len(pd.read_excel(lab.made("sample_sales_clean.xlsx"))) == 119


@pytest.mark.parametrize(
    ("when", "rows"),
    [
        ("between 2025-02-01 and 2025-02-15", "date >= '2025-02-01' and date <= '2025-02-15'"),
        ("from 1 February to 15 February", "date >= '2025-02-01' and date <= '2025-02-15'"),
        ("from March 2025 to May 2025", "date >= '2025-03-01' and date <= '2025-05-31'"),
        ("on 2025-01-02", "'2025-01-02' <= date <= '2025-01-02'"),
        ("on 2 January 2025", "'2025-01-02' <= date <= '2025-01-02'"),
        ("on January 2nd, 2025", "'2025-01-02' <= date <= '2025-01-02'"),
        ("on 02.01.2025", "'2025-01-02' <= date <= '2025-01-02'"),
        ("after 2025-06-30", "date > '2025-06-30'"),
        ("after June", "date > '2025-06-30'"),
        ("before March", "date < '2025-03-01'"),
        ("after 1 May and before 1 June", "'2025-05-01' < date < '2025-06-01'"),
        ("since 1 May", "date >= '2025-05-01'"),
        ("until 15 May 2025", "date <= '2025-05-15'"),
        ("on weekends", "date.dt.day_of_week >= 5"),
        ("on weekends in March", "date.dt.day_of_week >= 5 and date.dt.month == 3"),
        ("on Mondays", "date.dt.day_of_week == 0"),
        ("where units between 10 and 20", "units >= 10 and units <= 20"),
        ("excluding East", "region.str.strip() != 'East'"),
    ],
)
async def test_conditions_are_kept(lab: FolderLab, when: str, rows: str) -> None:
    """A condition holds for just the rows that fit it, and the answer counts those."""
    data = pd.read_csv(SAMPLE, parse_dates=["date"]).query(rows, engine="python")

    answer = await ask(lab, f"total revenue {when}")

    total = f"{data['revenue'].sum():,.2f}".removesuffix(".00")
    assert f"**{total}**" in answer
    assert f"over {len(data)} row{'s' * (len(data) != 1)}" in answer


@pytest.mark.parametrize(
    ("question", "word", "told"),
    [
        ("total revenue excluding returns", "returns", "- region: "),
        ("total revenue for Hamburg", "Hamburg", "East"),
        ("revenue by city", "city", "The columns of sample-sales.csv are date, region"),
        ("top 3 customers", "customers", "date, region, product"),
        ("top 3 customers by revenue", "customers", "date, region, product"),
        ("revenue on 31 February 2025", "31 February 2025", "date, region, product"),
        ("total revenue where weight > 10", "weight", "date, region, product"),
    ],
)
async def test_no_figure_hides_what_was_not_understood(
    lab: FolderLab, question: str, word: str, told: str
) -> None:
    """A restriction that fits nothing is said, with what is known, and nothing is computed."""
    answer = await ask(lab, question)

    assert f"“{word}”" in answer
    assert "so I computed nothing" in answer
    assert told in answer
    assert "Cross-check" not in answer


@pytest.mark.parametrize(
    "first", ["which product has the most revenue?", "top 3 products by revenue"]
)
async def test_the_least_after_the_most(lab: FolderLab, first: str) -> None:
    """After a ranking, the least is the other end of the same one, over all groups."""
    data = pd.read_csv(SAMPLE)
    totals = data.groupby(data["product"].str.strip())["revenue"].sum()

    answer = await talk(lab, first, "and the least?")

    assert f"**{totals.idxmin()}** has the lowest total revenue" in answer


@pytest.mark.parametrize(
    "question", ["delete column units and export as csv", "fill missing units with 0"]
)
async def test_changes_that_it_cannot_make(lab: FolderLab, question: str) -> None:
    """A change of the table that is beyond the rules is refused, and nothing is written."""
    answer = await ask(lab, question)

    assert "I did not understand" in answer
    assert [file.path for file in await lab.files()] == [f"/mnt/data/{SALES}"]


async def test_a_workbook_holds_numbers_and_dates(tmp_path: Path) -> None:
    """Decimal commas and dates of a CSV are numbers and dates in Excel; odd cells stay."""
    lab = FolderLab(tmp_path)
    cells = [f"{day:02}.02.2025;{day},50 €" for day in range(1, 28)]
    lab.upload("orders.csv", "\n".join(["day;price", *cells, "28.02.2025;free"]).encode())

    await ask(lab, "export it as excel")

    written = pd.read_excel(lab.made("orders.xlsx"))
    assert written["day"].iloc[1] == pd.Timestamp("2025-02-02")
    assert list(written["price"].iloc[[0, 26, 27]]) == [1.5, 27.5, "free"]


async def test_nothing_builds_on_a_question_that_was_refused(lab: FolderLab) -> None:
    """A follow-up does not compute a refused question without the condition that was refused."""
    answer = await talk(lab, "total revenue for Hamburg", "and by region?")

    assert "19,503.70" not in answer
    assert "48,832.55" not in answer


@pytest.mark.parametrize("quoted", ["> Title of the post: Help with Q3", "> our sales"])
async def test_what_a_chat_quotes_is_no_part_of_the_question(lab: FolderLab, quoted: str) -> None:
    """A post's title, and words that somebody replied to, say what it is about."""
    answer = await ask(lab, f"{quoted}\n\ntotal revenue")

    assert TOTAL in answer
    assert "I made nothing of" not in answer
