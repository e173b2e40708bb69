"""The offline planner's code runs for real, and its answers tell what really came out.

Most run in this process; the last class runs in the sandboxed kernel.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from engine.planner.offline import HONEST, OfflinePlanner
from engine.planner.protocol import Exchange, Question
from engine.pool import KernelPool
from engine.settings import EngineSettings
from tests.fakes.lab import FolderLab, KernelLab

SAMPLE = Path(__file__).parents[2] / "adapters/web/static/sample-sales.csv"
PREFIX = "file-AbCdEf123456-"


class Chat:
    """A conversation with the planner over one folder."""

    def __init__(self, lab: FolderLab) -> None:
        self.lab = lab
        self._history: list[Exchange] = []

    async def ask(self, text: str, **files: bytes) -> str:
        """Ask with files (`name__csv=…`), return the answer."""
        named = {name.replace("__", "."): content for name, content in files.items()}
        paths = tuple(self.lab.upload(PREFIX + name, content) for name, content in named.items())
        self.lab.said.clear()
        question = Question(text, attached=paths, history=tuple(self._history))
        await OfflinePlanner().answer(question, self.lab)
        assert HONEST in self.lab.answer
        self._history.append(Exchange(text, self.lab.answer, tuple(self.lab.codes)))
        return self.lab.answer


@pytest.fixture
def chat(tmp_path: Path) -> Chat:
    """A conversation whose `/mnt/data` is empty."""
    return Chat(FolderLab(tmp_path))


@pytest.fixture
def book() -> bytes:
    """A workbook of three sheets, the last one with a title above its table."""
    orders = {
        "Order Date": pd.date_range("2025-01-05", periods=6, freq="20D"),
        "Customer ID": [1, 2, 1, 3, 2, 1],
        "Net Amount": [10.5, 20, 30, 40, 50, 60],
    }
    people = {"Customer ID": [1, 2, 3], "Name": ["Ann", "Bob", "Cid"], "Age": [30, 40, 59]}
    budget = [["Budget 2025", None], [None, None], ["Department", "Spent"], ["IT", 7], ["HR", 5]]
    out = io.BytesIO()
    with pd.ExcelWriter(out) as writer:
        pd.DataFrame(orders).to_excel(writer, sheet_name="Orders", index=False)
        pd.DataFrame(people).to_excel(writer, sheet_name="People", index=False)
        pd.DataFrame(budget).to_excel(writer, sheet_name="Budget", index=False, header=False)
    return out.getvalue()


@pytest.fixture
def photo() -> bytes:
    """A photograph of 120×80 pixels."""
    pixels = np.add.outer(np.arange(80), np.arange(120))[..., None] % 256 * np.ones(3)
    out = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(out, format="JPEG")
    return out.getvalue()


def rows_of(answer: str) -> list[list[str]]:
    """The rows of the answer's first table, without its head."""
    lines = [line for line in answer.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_sample_is_plausible() -> None:
    """The sample has a year of rows and the blemishes that cleaning is to find."""
    raw = pd.read_csv(SAMPLE)

    assert list(raw) == ["date", "region", "product", "units", "revenue"]
    assert 100 <= len(raw) <= 150
    assert raw.duplicated().sum() == 1
    assert raw["units"].isna().sum() == 1
    assert (raw["region"] != raw["region"].str.strip()).sum() == 2


class TestSample:
    async def test_total_by_region_with_a_chart(self, chat: Chat) -> None:
        """The first sample prompt: right totals, a chart and the numbers as a file."""
        answer = await chat.ask(
            "total revenue by region and a bar chart", sales__csv=SAMPLE.read_bytes()
        )

        raw = pd.read_csv(SAMPLE)
        expected = raw.groupby(raw["region"].str.strip())["revenue"].sum()
        assert {name: total for name, total in rows_of(answer)} == {
            name: f"{total:,.2f}" for name, total in expected.items()
        }
        assert "(sandbox:/mnt/data/total_revenue_by_region_bar_chart.png)" in answer
        assert "(sandbox:/mnt/data/total_revenue_by_region.csv)" in answer
        with Image.open(chat.lab.made("total_revenue_by_region_bar_chart.png")) as chart:
            assert chart.width > 800
        written = pd.read_csv(chat.lab.made("total_revenue_by_region.csv"))
        assert written["total_revenue"].sum() == pytest.approx(raw["revenue"].sum())

    async def test_revenue_by_month_as_a_line(self, chat: Chat) -> None:
        """The second sample prompt: twelve months in order, and a line chart."""
        answer = await chat.ask("revenue by month as a line chart", sales__csv=SAMPLE.read_bytes())

        assert [row[0] for row in rows_of(answer)] == [f"2025-{m:02}" for m in range(1, 13)]
        assert chat.lab.made("total_revenue_by_month_line_chart.png").exists()

    async def test_cleaning_tells_what_changed(self, chat: Chat) -> None:
        """The third sample prompt: each change is counted, and the new file has them."""
        answer = await chat.ask(
            "clean it and tell me what you changed", sales__csv=SAMPLE.read_bytes()
        )

        assert ["cells with stray spaces trimmed", "3"] in rows_of(answer)
        assert ["repeated rows removed", "1"] in rows_of(answer)
        assert "units (1)" in answer
        clean = pd.read_csv(chat.lab.made("sales_clean.csv"))
        assert len(clean) == len(pd.read_csv(SAMPLE)) - 1
        assert set(clean["region"]) == {"North", "South", "East", "West"}

    async def test_follow_ups_build_on_each_other(self, chat: Chat) -> None:
        """A conversation goes on without repeating itself, and without a file being sent again."""
        await chat.ask("total revenue by region", sales__csv=SAMPLE.read_bytes())

        assert "pie_chart.png" in await chat.ask("now as a pie chart")
        assert len(rows_of(await chat.ask("the same by month"))) == 12
        assert "Average revenue by month" in await chat.ask("and the average?")
        assert "Average revenue by month" in await chat.ask("again")

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("what is in it?", "120 rows, 5 columns"),
            ("average units for North", "Average units"),
            ("which region has the highest revenue", "**East** has the highest total revenue"),
            ("top 3 products by units", "**Espresso beans** has the highest total units"),
            ("how many rows by product and a pie chart", "pie_chart.png"),
            ("median revenue by region", "for the first group"),
            ("max revenue by region", "986 over all rows"),
            ("revenue by weekday", "Monday"),
            ("plot revenue by weekday", "total_revenue_by_weekday_bar_chart.png"),
            ("revenue by region and product in Q3 as excel", ".xlsx"),
            ("share of revenue by region", "| share |"),
            ("correlation", "correlation_heatmap.png"),
            ("outliers in revenue", "outliers.csv"),
            ("forecast revenue", "revenue_trend.png"),
            ("histogram of revenue", "revenue_histogram.png"),
            ("scatter of revenue vs units", "revenue_vs_units_scatter.png"),
            ("box plot of revenue by region", "revenue_box_plot.png"),
            ("line chart of units by month and region", "line_chart.png"),
            ("top 5 orders by revenue", "986"),
            ("chart it", "chart.png"),
            ("revenue by region in 1999", "Nothing in sales.csv fits"),
            ("hello", "total revenue by region and a bar chart"),
            ("what is the weather in Paris?", "I made nothing of “weather” and “Paris”"),
            ("write me a poem", "I made nothing of “write” and “poem”"),
        ],
    )
    async def test_questions(self, chat: Chat, question: str, said: str) -> None:
        """Each kind of question ends with its result; no code fails."""
        answer = await chat.ask(question, sales__csv=SAMPLE.read_bytes())

        assert "but it failed" not in answer
        assert said in answer

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("monthly trend", "total_revenue_by_month_line_chart.png"),
            ("units per product as a pie chart", "Cross-check: 3,720 in the groups, 3,720 over"),
            ("average price per unit", "total revenue divided by total units: **13.01**"),
            ("average price per unit by product", "| Teapot | 3,094.00 | 91 | 34.00 |"),
            ("compare north and south", "**North** is **5,659.45** (59.7%) above South."),
            ("how much more did East sell than West?", "**East** is **14,797.10**"),
            ("how many rows have missing values", "**1** of 120 rows has a missing value"),
            ("delete the rows with missing values", "**119** of 120 rows remain"),
            ("are there duplicates?", "**1** of 120 rows repeats an earlier one"),
            ("growth month over month", "| 2025-03 | 4,035.80 | +42.2% |"),
            ("cumulative revenue", "| 2025-12 | 6,308.15 | 48,832.55 |"),
            ("plot units vs revenue", "correlation (Pearson) is **0.845**"),
            ("pivot region by product", "| Teapot | 306.00 | 1,836.00 | 476.00 | 476.00 |"),
            ("sort by revenue descending", "| 2025-12-27 | North | Teapot | 29 | 986.00 |"),
            ("show the first 10 rows", "| 2025-01-02 | East | Filter coffee | 26 | 309.40 |"),
            ("export as excel", "sample_sales.xlsx"),
            ("show me rows where units > 40", "**27** rows"),
            ("how many sales were there?", "**120** rows"),
            ("which regions sold more than 10000?", "| East | 19,503.70 |\n| North |"),
            ("which product sells best in each region?", "West: Espresso beans"),
            ("percentage of revenue from espresso beans", "**49.6%** of all 48,832.55"),
            ("revenue last month", "**6,308.15**, over 10 rows"),
            ("revenue from March to June", "**14,520.60**"),
            ("compare January and February", "**2025-01** is **372.90**"),
            ("busiest day of the week", "**Saturday** has the highest"),
            ("when did we sell the most?", "**2025-12** has the highest"),
            ("histogram of revenue", "The median is **378.90**"),
            ("units in the West in April", "No row of sample_sales.csv fits"),
            ("what is the profit by region?", "I made nothing of “profit”"),
        ],
    )
    async def test_what_newcomers_ask(self, chat: Chat, question: str, said: str) -> None:
        """The sample's page invites these questions; the figures were computed beside it."""
        answer = await chat.ask(question, sample_sales__csv=SAMPLE.read_bytes())

        assert said in answer


class TestOrder:
    """What has an order of its own is shown in it, unless a ranking is asked."""

    @pytest.fixture
    def days(self) -> bytes:
        """Sixty days, two of them missing, day first and shuffled; revenue goes up and down."""
        dates = pd.date_range("2025-01-28", periods=62).delete([5, 6])
        frame = pd.DataFrame({"date": dates.strftime("%d.%m.%Y"), "region": ["N", "S"] * 30})
        frame["revenue"] = [7 * day % 60 for day in range(60)]
        shuffled: str = frame.sample(frac=1, random_state=1).to_csv(index=False)
        return shuffled.encode()

    @pytest.mark.parametrize(
        ("question", "made"),
        [
            ("chart revenue over date", "total_revenue_by_date_line_chart.png"),
            ("plot revenue by date", "total_revenue_by_date_line_chart.png"),
            ("bar chart of revenue by date", "total_revenue_by_date_bar_chart.png"),
        ],
    )
    async def test_days_stay_in_order(
        self, chat: Chat, days: bytes, question: str, made: str
    ) -> None:
        """All sixty days are written from the first to the last, and the table begins there."""
        answer = await chat.ask(question, days__csv=days)

        written = pd.read_csv(chat.lab.made("total_revenue_by_date.csv"), parse_dates=["date"])
        assert len(written) == 60
        assert written["date"].is_monotonic_increasing
        assert rows_of(answer)[0][0] == "2025-01-28"
        assert chat.lab.made(made).exists()

    async def test_the_axis_is_time(self, chat: Chat, days: bytes) -> None:
        """Dates are drawn as dates, a day without rows as a gap, with a few short ticks."""
        await chat.ask("plot revenue over date", days__csv=days)

        axes = chat.lab.variable("ax")
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        x = axes.lines[0].get_xdata(orig=False)
        assert sorted(set(np.diff(x))) == [1, 3]
        assert 3 <= len(ticks) <= 12
        assert "Mar" in ticks

    async def test_a_line_per_region_over_date(self, chat: Chat, days: bytes) -> None:
        """Time is the axis, however the question is put; lines join a region's own days."""
        answer = await chat.ask("revenue by region over date as a chart", days__csv=days)

        lines = chat.lab.variable("ax").lines
        assert [line.get_label() for line in lines] == ["N", "S"]
        assert [len(line.get_xdata()) for line in lines] == [30, 30]
        assert rows_of(answer)[0][0] == "2025-01-28"

    @pytest.mark.parametrize(
        "question",
        [
            "best dates by revenue as a chart",
            "revenue by date, highest first",
            "revenue by date sorted by revenue",
        ],
    )
    async def test_a_ranking_is_by_value(self, chat: Chat, days: bytes, question: str) -> None:
        """Where a ranking is asked, the highest comes first."""
        await chat.ask(question, days__csv=days)

        written = pd.read_csv(chat.lab.made("total_revenue_by_date.csv"))
        assert written["total_revenue"].is_monotonic_decreasing

    @pytest.mark.parametrize(
        ("question", "keys"),
        [
            ("pay by level", ["2", "10", "100"]),
            ("pay by level as a line chart", ["2", "10", "100"]),
            ("pay by team", ["c", "a", "b"]),
            ("pay by team as a line chart", ["a", "b", "c"]),
            ("pay by member id", ["8", "7", "9"]),
        ],
    )
    async def test_numbers_have_an_order_ids_have_none(
        self, chat: Chat, question: str, keys: list[str]
    ) -> None:
        """Numbers go up, a line follows its labels; texts and ids are ranked by value."""
        text = b"level,team,member id,pay\n10,a,7,5\n2,b,9,1\n100,c,8,9\n"

        answer = await chat.ask(question, team__csv=text)

        assert [row[0] for row in rows_of(answer)] == keys

    async def test_a_missing_date_is_told_but_not_drawn(self, chat: Chat) -> None:
        """A row without its date counts in the table; the line leaves it out."""
        text = b"date,revenue\n2025-03-01,4\n,5\n2025-01-01,6\n2025-02-01,1\n"

        answer = await chat.ask("plot revenue over date", gaps__csv=text)

        assert [row[1] for row in rows_of(answer)] == ["6", "1", "4", "5"]
        assert list(chat.lab.variable("ax").lines[0].get_ydata()) == [6, 1, 4]


class TestFormats:
    async def test_the_sheet_is_found_by_its_columns(self, chat: Chat, book: bytes) -> None:
        """Each question goes to the sheet that can answer it, a title above a table or not."""
        total = await chat.ask("total net amount by month", book__xlsx=book)
        age = await chat.ask("average age")
        spent = await chat.ask("spent by department")

        assert "Orders in book.xlsx" in total
        assert "**43**" in age
        assert rows_of(spent) == [["IT", "7"], ["HR", "5"]]

    @pytest.mark.parametrize("kind", ["json", "jsonl", "parquet", "tsv"])
    async def test_every_format_gives_the_same(self, chat: Chat, kind: str) -> None:
        """The same table in another format has the same total."""
        frame = pd.DataFrame({"team": ["a", "b", "a"], "points": [1.5, 2, 3]})
        out = io.BytesIO()
        if kind == "parquet":
            frame.to_parquet(out)
        elif kind == "tsv":
            frame.to_csv(out, sep="\t", index=False)
        else:
            frame.to_json(out, orient="records", lines=kind == "jsonl")

        answer = await chat.ask("total points by team", **{f"t__{kind}": out.getvalue()})

        assert rows_of(answer) == [["a", "4.50"], ["b", "2.00"]]

    async def test_other_countries_csv(self, chat: Chat) -> None:
        """Semicolons, decimal commas, day-first dates and an old encoding are read right."""
        text = "Datum;Städte;Umsatz\n01.02.2025;Köln;1.234,50\n15.02.2025;Zürich;99,90\n"

        answer = await chat.ask("Umsatz by month", de__csv=text.encode("cp1252"))

        assert rows_of(answer) == [["2025-02", "1,334.40"]]

    async def test_two_files_are_joined(self, chat: Chat) -> None:
        """Two files with a common column become one."""
        left, right = b"id,amount\n1,10\n2,20\n", b"id,name\n1,Ann\n2,Bob\n"

        answer = await chat.ask("join these files", a__csv=left, b__csv=right)

        assert {"id", "amount", "name"} == set(pd.read_csv(chat.lab.made("joined.csv")))
        assert "joined.csv" in answer

    async def test_keys_match_despite_stray_spaces(self, chat: Chat) -> None:
        """`North ` and `North` are partners; rows without one are counted on both sides."""
        people = b"region,manager\nNorth,Ann\nSouth,Bob\nEast,Cid\nNowhere,Dee\n"

        answer = await chat.ask("join them", sales__csv=SAMPLE.read_bytes(), regions__csv=people)

        sales = pd.read_csv(SAMPLE)["region"].str.strip()
        joined = pd.read_csv(chat.lab.made("joined.csv"))
        assert len(joined) == len(sales)
        assert f"first, {(sales == 'West').sum()} rows found no partner and were kept" in answer
        assert "Of the second, 1 row found no partner and was left out." in answer

    async def test_hostile_names_stay_text(self, chat: Chat) -> None:
        """Quotes, backslashes and Markdown in names and cells break neither code nor answer."""
        text = "na\"me\\',amount\nx`|*y,1\nx`|*y,2\n"

        answer = await chat.ask("total amount by name as a chart", **{"a'\"b__csv": text.encode()})

        assert "| 3 |" in answer
        assert "but it failed" not in answer


class TestPictures:
    async def test_grayscale_and_histogram(self, chat: Chat, photo: bytes) -> None:
        """A photo is made gray, and the histogram drawn of the result."""
        answer = await chat.ask("make it grayscale and show a histogram", cat__jpg=photo)

        with Image.open(chat.lab.made("cat_grayscale.jpg")) as image:
            assert (image.mode, image.size) == ("L", (120, 80))
        assert "cat_grayscale_histogram.png" in answer

    async def test_a_gray_histogram_is_of_brightness(self, chat: Chat, photo: bytes) -> None:
        """The legend speaks of brightness; the format's own letter for it stays inside."""
        await chat.ask("make it grayscale and show a histogram", cat__jpg=photo)

        assert "brightness: mean" in chat.lab.logs[-1]

    async def test_edits_build_on_each_other(self, chat: Chat, photo: bytes) -> None:
        """`now rotate it` goes on with the picture made before."""
        await chat.ask("crop to 60x20", cat__jpg=photo)
        await chat.ask("now rotate it by 90 degrees")

        with Image.open(chat.lab.made("cat_cropped_rotated_90.jpg")) as image:
            assert image.size == (20, 60)

    async def test_size_without_a_wish(self, chat: Chat, photo: bytes) -> None:
        """Without an edit it says what can be measured, and what it can't see."""
        assert "**120×80** pixels" in await chat.ask("what is this?", cat__jpg=photo)


class TestNumbers:
    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("what is 65465-6544 * 65464-6+1.02255", "**-428,330,955.97745**"),
            ("sqrt of 2 to 20 digits", "**1.4142135623730950488**"),
            ("15% of 230", "**34.5**"),
            ("3x + 11 = 14. Show x.", "**x = 1**"),
            ("x + y = 10, x - y = 2", "**x = 6**, **y = 4**"),
            ("solve x^2 - 5x + 6 = 0", "There are 2 solutions"),
            ("log(x) = 2", "**x = 100**"),
            ("x = x + 1", "there is no solution"),
            ("Compute 4 * 3.82. Then take the square root of that result. Then again.",
             "**1.97711002656362**"),
            ("use the python tool to calculate what is 4 * 3.82. and then find its square root and "
             "then find the square root of that result", "**1.97711002656362**"),
            ("primes up to 100", "**25** primes"),
            ("simulate 10,000 rolls of two dice", "dice_rolls.png"),
            ("compound interest on 1000 at 5% for 10 years", "**1,628.89**"),
            ("factorise 360", "**2^3 × 3^2 × 5**"),
            ("gcd of 12 and 18", "**6**"),
            ("mean of 3, 5, 10", "**6**"),
            ("30 is what percent of 120?", "**25%**"),
            ("what is 1/0", "division by zero"),
        ],
    )  # fmt: skip
    async def test_value(self, chat: Chat, question: str, said: str) -> None:
        """Numbers are right and said plainly."""
        assert said in await chat.ask(question)

    async def test_a_further_step(self, chat: Chat) -> None:
        """A step can follow in the next question."""
        await chat.ask("Compute 4 * 3. Then add 2.")

        assert "**28**" in await chat.ask("and double it")


class TestCode:
    async def test_runs_as_it_is_and_links_its_files(self, chat: Chat) -> None:
        """A fenced block runs unchanged, variables stay, new files are linked."""
        await chat.ask("```python\nx = 20\n```")

        answer = await chat.ask(
            "```py\nopen('/mnt/data/o.txt', 'w').write('hi')\nprint(x + 1)\n```"
        )

        assert "21" in answer
        assert "[o.txt](sandbox:/mnt/data/o.txt)" in answer

    async def test_opens_uploads_by_their_plain_names(self, chat: Chat) -> None:
        """Code finds a file under the name a person knows; only what it makes is linked."""
        code = "```python\nprint(open('/mnt/data/in.txt').read())\n```"

        first = await chat.ask(code, in__txt=b"one")
        second = await chat.ask(code)

        assert "one" in first
        assert "one" in second
        assert "Files:" not in first
        assert [each for each in chat.lab.codes if "copyfile" in each] == [chat.lab.codes[0]]

    async def test_an_error_is_shown(self, chat: Chat) -> None:
        """The error of people's own code is shown with its line."""
        assert "ZeroDivisionError" in await chat.ask("```python\n1 / 0\n```")


class TestBadFiles:
    async def test_each_gets_a_clear_sentence(self, chat: Chat) -> None:
        """Empty, corrupt, ragged and unknown files are told apart."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros.bin", bytes(20_000_000))

        assert "is empty (0 bytes)" in await chat.ask("total", empty__csv=b"")
        assert "not a real Excel workbook" in await chat.ask("total", bad__xlsx=b"nonsense")
        assert "more fields" in await chat.ask("total", ragged__csv=b"a,b\n1,2\n3,4,5\n")
        assert "not valid JSON" in await chat.ask("total", bad__json=b"{nope")
        assert "unpacked nothing" in await chat.ask("open it", bomb__zip=packed.getvalue())
        assert "not an image" in await chat.ask("rotate it", bad__png=b"nonsense")
        assert "**3** words" in await chat.ask("what is it", note__txt=b"one two three")
        assert "PDF" in await chat.ask("what is it", a__pdf=b"%PDF-1.4\n/Type /Page\n")

    async def test_unclear_questions_get_examples(self, chat: Chat) -> None:
        """Without any file it says what it can do."""
        assert "I could not tell what is wanted" in await chat.ask("sing me a song")


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
async def test_in_the_sandboxed_kernel(tmp_path: Path, book: bytes, photo: bytes) -> None:
    """Tables, charts, pictures, equations and people's own code work in the real sandbox."""
    pool = KernelPool(EngineSettings.model_validate({"pool_size": 1}), tmp_path)
    await pool.start()
    try:
        chat = Chat(KernelLab(await pool.acquire("1g")))

        totals = await chat.ask("total revenue by region and a chart", s__csv=SAMPLE.read_bytes())
        months = await chat.ask("net amount by month", book__xlsx=book)
        gray = await chat.ask("make it grayscale and show a histogram", cat__jpg=photo)
        equation = await chat.ask("3x + 11 = 14. Show x.")
        error = await chat.ask("```python\n1 / 0\n```")
    finally:
        await pool.close()

    assert "total_revenue_by_region_bar_chart.png" in totals
    assert len(rows_of(totals)) == 4
    assert rows_of(months)[0] == ["2025-01", "30.50"]
    assert "cat_grayscale_histogram.png" in gray
    assert "**x = 1**" in equation
    assert "ZeroDivisionError" in error
