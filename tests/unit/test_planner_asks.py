"""Questions about a table, read against its real columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planner.asks import Ask
from engine.planner.questions import is_follow_up, parse_ask, score
from engine.planner.roles import Key
from engine.planner.sources import Source
from engine.planner.tables import Column, Table, parse_profile
from engine.planner.totals import complete, describe

SALES = Table(
    source=Source("/mnt/data/sales.csv", 'pd.read_csv("/mnt/data/sales.csv")'),
    rows=120,
    duplicates=0,
    columns=(
        Column("order_id", "number", distinct=120),
        Column("date", "date", distinct=100, low="2024-01-01", high="2025-12-31"),
        Column("region", "text", distinct=4, values=("North", "South", "East", "West")),
        Column("product", "text", distinct=3, values=("Green tea", "Coffee", "Teapot")),
        Column("units", "number", distinct=50),
        Column("unit price", "number", distinct=3),
        Column("revenue", "number", distinct=110),
    ),
)
PEOPLE = Table(
    source=Source("/mnt/data/book.xlsx", "pd.read_excel()", sheet="People"),
    rows=20,
    duplicates=0,
    columns=(Column("name", "text", distinct=20), Column("age", "number", distinct=15)),
)


def summary(question: str) -> str:
    """What a question is understood as, in one line."""
    ask = parse_ask(question, SALES)
    chart = f" [{ask.chart}]" if ask.chart else ""
    top = f" top {ask.top}" if ask.top else ""
    order = " ascending" if ask.ascending else ""
    return f"{describe(complete(ask, SALES))}{top}{order}{chart}"


@pytest.mark.parametrize(
    ("question", "understood"),
    [
        ("total revenue by region", "total revenue by region"),
        ("Total Revenue by Region and a bar chart", "total revenue by region [bar]"),
        ("revenue by month as a line chart", "total revenue by month [line]"),
        ("sum of revenue per product", "total revenue by product"),
        ("what is the average revenue by region?", "average revenue by region"),
        ("mean units by product", "average units by product"),
        ("median revenue per region", "median revenue by region"),
        ("max revenue by region", "max revenue by region"),
        ("minimum units by product", "min units by product"),
        ("min and max revenue by region", "max revenue and min revenue by region"),
        ("total units and revenue by region", "total units and total revenue by region"),
        ("total revenue by region and product", "total revenue by region and product"),
        ("revenue for each region", "total revenue by region"),
        ("revenue across regions", "total revenue by region"),
        ("count by region", "number of rows by region"),
        ("how many orders by region", "number of rows by region"),
        ("how many rows are there", "number of rows"),
        ("number of rows by product", "number of rows by product"),
        ("how many units were sold by region", "total units by region"),
        ("how many regions are there", "different region"),
        ("how many different products", "different product"),
        ("how many order ids are there", "different order_id"),
        ("total revenue", "total revenue"),
        ("what is the total revenue?", "total revenue"),
        ("average unit price", "average unit price"),
        ("unit price by product", "average unit price by product"),
        ("total revenue for North", "total revenue (region North)"),
        ("revenue by product for north", "total revenue by product (region North)"),
        ("revenue by month for North and South", "total revenue by month (region North or South)"),
        ("revenue by region without North", "total revenue by region (region not North)"),
        ("revenue of green tea by region", "total revenue by region (product Green tea)"),
        ("total revenue in 2025", "total revenue (2025)"),
        ("revenue by region in March 2025", "total revenue by region (March 2025)"),
        ("revenue by region in Q2", "total revenue by region (Q2)"),
        ("revenue by region where units > 10", "total revenue by region (units > 10)"),
        ("count by region where revenue is at least 1,000",
         "number of rows by region (revenue >= 1,000)"),
        ("how many orders over 500", "different order_id (revenue > 500)"),
        ("revenue where region is West", "total revenue (region West)"),
        ("top 5 products by revenue", "total revenue by product top 5"),
        ("best 2 regions by units", "total units by region top 2"),
        ("bottom 3 products by revenue", "total revenue by product top 3 ascending"),
        ("which region has the highest revenue?", "total revenue by region"),
        ("which product has the lowest revenue", "total revenue by product ascending"),
        ("what product sold the most units", "total units by product"),
        ("revenue by quarter", "total revenue by quarter"),
        ("monthly revenue", "total revenue by month"),
        ("weekly units", "total units by week"),
        ("revenue per year", "total revenue by year"),
        ("revenue by weekday", "total revenue by weekday"),
        ("revenue by day of the week", "total revenue by weekday"),
        ("daily revenue", "total revenue by day"),
        ("revenue by month and region", "total revenue by month and region"),
        ("plot revenue over time", "total revenue by month [auto]"),
        ("plot revenue by region", "total revenue by region [auto]"),
        ("pie chart of revenue by region", "total revenue by region [pie]"),
        ("show me a horizontal bar chart of units by product", "total units by product [barh]"),
        ("histogram of revenue", "total revenue [histogram]"),
        ("distribution of units", "total units [histogram]"),
        ("scatter of revenue vs units", "total revenue and total units [scatter]"),
        ("box plot of revenue by region", "total revenue by region [box]"),
        ("graph units by month", "total units by month [auto]"),
        ("sales by region", "total revenue by region"),
        ("turnover per territory", "total revenue by region"),
        ("TOTAL REVENUES BY REGIONS", "total revenue by region"),
        ("standard deviation of revenue by region", "std. dev. of revenue by region"),
    ],
)  # fmt: skip
def test_phrasings(question: str, understood: str) -> None:
    """A question is understood as a person means it."""
    assert summary(question) == understood


@given(st.text(max_size=100))
def test_never_raises(question: str) -> None:
    """Any text is an ask, be it an unclear one."""
    complete(parse_ask(question, SALES), SALES)
    parse_ask(question, Table(SALES.source, 0, 0, ()))


@pytest.mark.parametrize(
    ("first", "then", "understood"),
    [
        ("revenue by region as bars", "now as a pie chart", "total revenue by region [pie]"),
        ("total revenue by region", "the same by month", "total revenue by month"),
        ("total units for North", "and the average?", "average units (region North)"),
        ("total units for North", "what about South?", "total units (region South)"),
        ("total revenue by region", "only in 2025", "total revenue by region (2025)"),
    ],
)
def test_follow_ups(first: str, then: str, understood: str) -> None:
    """What a follow-up leaves unsaid is taken from the question before."""
    assert is_follow_up(then)

    ask = parse_ask(then, SALES).after(parse_ask(first, SALES))

    chart = f" [{ask.chart}]" if ask.chart and "[" in understood else ""
    assert f"{describe(complete(ask, SALES))}{chart}" == understood


def test_the_sheet_that_has_the_columns_is_chosen() -> None:
    """A question's columns and a sheet's name decide between tables."""
    assert score("average age", PEOPLE) > score("average age", SALES)
    assert score("total revenue by region", SALES) > score("total revenue by region", PEOPLE)
    assert score("what is in people", PEOPLE) > score("what is in people", SALES)


def test_keys_are_named_by_their_period() -> None:
    """A month of a date column is called month in the result."""
    assert parse_ask("revenue by month", SALES).keys == (Key("date", "month"),)
    assert Key("region").name == "region"
    assert not Ask().is_clear


def test_profile_is_read_from_logs() -> None:
    """The columns are what the profile printed, quoted names and values included."""
    logs = (
        "Columns of sales.csv\n"
        "column,type,how,missing,distinct,low,high,values,stray\n"
        '"a, ""b""",text,,1,2,,,x | y,3\n'
        "\nTables\ntable,rows,duplicates\nsales.csv,5,1\n\n"
    )

    (table,) = parse_profile([SALES.source], logs)

    assert (table.rows, table.duplicates) == (5, 1)
    assert table.columns == (
        Column('a, "b"', "text", "", 1, 2, "", "", ("x", "y"), 3),
    )  # fmt: skip
    assert 'df["a, \\"b\\""].str.strip()' in "\n".join(table.load('a, "b"'))
