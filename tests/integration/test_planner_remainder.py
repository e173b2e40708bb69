"""Whatever a question about tables says is done, refused or named: nothing is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from engine.planner.offline import HONEST, OfflinePlanner
from engine.planner.protocol import Exchange, Question
from tests.fakes.lab import FolderLab

SAMPLE = (Path(__file__).parents[2] / "adapters/web/static/sample-sales.csv").read_bytes()
ORDERS = b"id,name,qty\n1,Ann,3\n2,Bob,4\n3,Ann,1\n"
PRICES = b"id,price\n1,10\n2,20\n"
UNDATED = b"team,points\na,3\nb,4\n"


@pytest.fixture
def lab(tmp_path: Path) -> FolderLab:
    """A lab whose `/mnt/data` is empty."""
    return FolderLab(tmp_path)


async def ask(
    lab: FolderLab, text: str, attached: Sequence[str] = (), history: Sequence[Exchange] = ()
) -> str:
    """The answer to a question, without what stands under every answer."""
    lab.said.clear()
    question = Question(text, attached=tuple(attached), history=history)
    await OfflinePlanner().answer(question, lab)
    return lab.answer.replace(HONEST, "").strip()


async def talk(lab: FolderLab, *texts: str) -> list[str]:
    """The answers of a conversation."""
    history: list[Exchange] = []
    for text in texts:
        history.append(Exchange(text, await ask(lab, text, (), history)))
    return [past.answer for past in history]


class TestRefused:
    @pytest.mark.parametrize(
        ("question", "word"),
        [
            ("total revenue by name", "name"),
            ("total revenue by store", "store"),
            ("revenue for each type", "type"),
            ("how many sheets are there", "sheets"),
            ("top 3 names by revenue", "names"),
            ("which name has the highest revenue", "name"),
            ("revenue for type A", "A"),
            ("revenue in UK", "UK"),
            ("revenue for Q1 and Q2", "Q2"),
            ("compare North and Berlin", "Berlin"),
            ("revenue for company Acme", "Acme"),
        ],
    )
    async def test_everyday_words_in_the_place_of_a_column(
        self, lab: FolderLab, question: str, word: str
    ) -> None:
        """A word that groups or narrows and fits nothing is refused, however common it is."""
        lab.upload("sales.csv", SAMPLE)

        answer = await ask(lab, question)

        assert answer.startswith(f"I did not understand “{word}”, so I computed nothing")

    @pytest.mark.parametrize(
        ("question", "word"),
        [
            ("points by month", "month"),
            ("monthly points", "monthly"),
            ("points over time", "over time"),
            ("points by date", "date"),
            ("points in 2025", "2025"),
        ],
    )
    async def test_times_without_a_date(self, lab: FolderLab, question: str, word: str) -> None:
        """Where no column is a date, no time is made nothing of in silence."""
        lab.upload("teams.csv", UNDATED)

        assert f"I did not understand “{word}”" in await ask(lab, question)

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("regions by total revenue", "Total revenue by region"),
            ("total revenue for each of the four regions", "Total revenue by region"),
            ("revenue by region, highest first", "Total revenue by region"),
            ("average revenue per row", "Average revenue: **406.94**"),
            ("revenue per order", "Average revenue: **406.94**"),
            ("top 5 by revenue", "The 5 rows with the highest revenue"),
            ("the 3 lowest revenues", "The 3 rows with the lowest revenue"),
            ("sum of units > 2000", "No row of sales.csv fits: units"),
            ("units between 1900 and 2000", "fits: units from 1900 to 2000."),
            ("what is the 2025 revenue", "**48,832.55**, over 120 rows of sales.csv (2025)"),
            ("revenue 2024", "No row of sales.csv fits: 2024."),
            ("how many columns are there?", "**sales.csv**: 120 rows, 5 columns"),
            ("quarterly revenue for North vs South", "by quarter and region"),
        ],
    )
    async def test_what_is_understood_is_not_refused(
        self, lab: FolderLab, question: str, said: str
    ) -> None:
        """Ways to say how much, in what order and when are no names of columns."""
        lab.upload("sales.csv", SAMPLE)

        answer = await ask(lab, question)

        assert said in answer
        assert "I made nothing of" not in answer
        assert "I did not understand" not in answer

    async def test_a_date_column_of_two_words(self, lab: FolderLab) -> None:
        """`by date` means the date column, whatever else its name says."""
        lab.upload("o.csv", b"Order Date,Amount\n2025-01-01,3\n2025-01-02,4\n2025-01-02,1\n")

        assert "Total Amount by Order Date" in await ask(lab, "amount by date")


class TestNamed:
    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("correlation of height and weight", "I made nothing of “height” and “weight”"),
            ("are there duplicates, Sherlock?", "I made nothing of “Sherlock”"),
            ("show me weird rows where units > 40", "I made nothing of “weird”"),
            ("duplicates in North", "I left aside: region North"),
            ("histogram of revenue by region", "I left aside: by region"),
            ("total revenue as excel", "I left aside: the Excel file"),
            ("average price per unit by product as a bar chart", "I left aside: the bar chart"),
            ("total revenue by region ignoring missing values", "total revenue and by region"),
        ],
    )
    async def test_what_is_not_done(self, lab: FolderLab, question: str, said: str) -> None:
        """What else was asked is named beside what was done."""
        lab.upload("sales.csv", SAMPLE)

        answer = await ask(lab, question)

        assert said in answer

    async def test_a_chart_of_nothing(self, lab: FolderLab) -> None:
        """Where there is no column to draw by, that is said."""
        lab.upload("o.csv", b"Amount\n3\n4\n")

        _, answer = await talk(lab, "total amount", "as a bar chart")

        assert "I drew no chart" in answer

    async def test_a_remark_stands_directly_above_the_answer(self, lab: FolderLab) -> None:
        """No code runs between the words that were not understood and the rest: it would leave
        them alone above a gap."""
        lab.upload("sales.csv", SAMPLE)
        said_before: list[int] = []
        run = lab.run

        async def watched(code: str) -> object:
            said_before.append(len(lab.said))
            return await run(code)

        lab.run = watched  # type: ignore[method-assign, assignment]
        await ask(lab, "weird total revenue")

        assert said_before
        assert set(said_before) == {0}
        assert lab.answer.startswith(
            "I made nothing of “weird”; this is what I understood:\n\nTotal"
        )

    @pytest.mark.parametrize("filters", ["correlation for North", "forecast revenue for North"])
    async def test_conditions_of_other_computations(self, lab: FolderLab, filters: str) -> None:
        """Where a condition is kept, the answer says so."""
        lab.upload("sales.csv", SAMPLE)

        assert "(region North)" in await ask(lab, filters)


class TestSeveralFiles:
    async def test_join_and_compute(self, lab: FolderLab) -> None:
        """What is asked beyond a join is computed from the joined table, and so is a follow-up."""
        paths = [lab.upload("a.csv", ORDERS), lab.upload("b.csv", PRICES)]

        first = await ask(lab, "join these two and tell me total qty by name", paths)
        history = [Exchange("join these two and tell me total qty by name", first)]
        second = await ask(lab, "as a bar chart", (), history)

        assert "I joined a.csv and b.csv on id: 3 rows and 2 rows gave 3 rows." in first
        assert "Of the first, 1 row found no partner and was kept." in first
        assert "Total qty by name, from 3 rows of joined.csv" in first
        assert "from 3 rows of joined.csv" in second
        assert "total_qty_by_name_bar_chart.png" in second

    async def test_clean_and_compute(self, lab: FolderLab) -> None:
        """What is asked beyond cleaning is computed from the cleaned file."""
        path = lab.upload("sales.csv", SAMPLE)

        answer = await ask(lab, "clean it and plot revenue by region", [path])

        assert "from 119 rows of sales_clean.csv" in answer
        assert "bar_chart.png" in answer

    async def test_the_column_to_join_on(self, lab: FolderLab) -> None:
        """A column that is named is joined on, or said to be missing."""
        left = pd.DataFrame({"id": [1, 2], "code": [5, 6], "x": [1, 2]}).to_csv(index=False)
        right = pd.DataFrame({"id": [1, 2], "code": [6, 5], "y": [3, 4]}).to_csv(index=False)
        paths = [lab.upload("a.csv", left.encode()), lab.upload("b.csv", right.encode())]

        by_code = await ask(lab, "join them on code", paths)
        by_name = await ask(lab, "join them on name", paths)

        assert "on code: 2 rows and 2 rows gave 2 rows. Every row found a partner." in by_code
        assert "share no column name to join on" in by_name

    async def test_more_than_two(self, lab: FolderLab) -> None:
        """Of three tables it is said which one is not joined."""
        paths = [lab.upload(f"{name}.csv", ORDERS) for name in "abc"]

        assert "I join two tables: a.csv and b.csv, not c.csv." in await ask(lab, "join", paths)

    async def test_two_that_fit_alike(self, lab: FolderLab) -> None:
        """The answer says of which file it is, and which one fits as well."""
        paths = [lab.upload(name, b"team,points\na,7\n") for name in ("one.csv", "two.csv")]

        answer = await ask(lab, "total points", paths)

        assert "**7**, over 1 row of two.csv." in answer
        assert "one.csv fits as well: name a file to ask of that one." in answer

    async def test_one_that_cannot_be_read(self, lab: FolderLab) -> None:
        """A damaged file is told of, and does not stand in the way of the others."""
        paths = [lab.upload("bad.xlsx", b"nonsense"), lab.upload("teams.csv", UNDATED)]

        answer = await ask(lab, "total points", paths)

        assert "I tried to look into bad.xlsx, but it failed." in answer
        assert "**7**" in answer

    async def test_in_the_order_in_which_they_came(self, lab: FolderLab) -> None:
        """Several files are described as they were sent; columns are said to be whose they are."""
        contents = {"c.csv": UNDATED, "a.csv": ORDERS, "b.csv": PRICES}
        paths = [lab.upload(name, content) for name, content in contents.items()]

        answer = await ask(lab, "what is in these files?", paths)

        places = [answer.index(f"**{name}**") for name in contents]
        assert places == sorted(places)
        assert "The columns of b.csv are id, price." in answer


class TestOtherLanguages:
    @pytest.mark.parametrize(
        "question",
        [
            "Summe Umsatz nach Region als Balkendiagramm",
            "montre le total des ventes par région",
            "muéstrame el total por región",
            "сумма по регионам",
            "按地区汇总",
        ],
    )
    async def test_are_told_so(self, lab: FolderLab, question: str) -> None:
        """No figure is guessed from a question in another language; what helps is said."""
        assert "I read English only" in await ask(lab, question)

        lab.upload("sales.csv", SAMPLE)
        answer = await ask(lab, question)

        assert answer.startswith("I read English only")
        assert "so I computed nothing" in answer
        assert "48,832.55" not in answer
        assert "“total revenue by region and a bar chart”" in answer

    async def test_foreign_columns_in_an_english_question(self, lab: FolderLab) -> None:
        """Names of columns are of no language."""
        lab.upload("de.csv", "Städte,Umsatz\nKöln,3\nBonn,4\n".encode())

        assert "**7**" in await ask(lab, "total Umsatz")
