"""A table's columns, learnt by a run of code that profiles it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.planner.guide import explain
from engine.planner.sources import Source, look
from engine.planner.text import literal, section, shown_name
from engine.planner.workbench import CodeFailed, Work

_NAMES = ("id", "zip", "postcode", "phone", "no", "nr", "key", "code")  # numbers that only name
_SECONDARY = (*_NAMES, "year", "index")
_LEADING = ("revenue", "sales", "amount", "turnover", "total", "income", "profit", "value", "price")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds. `kind`: number, date, yes/no, text or empty; `hint` how to read it."""

    name: str
    kind: str
    hint: str = ""
    missing: int = 0
    distinct: int = 0
    low: str = ""
    high: str = ""
    values: tuple[str, ...] = ()
    stray_spaces: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its columns, and how to read it."""

    source: Source
    rows: int
    duplicates: int
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError."""
        return {column.name: column for column in self.columns}[name]

    def of(self, *kinds: str) -> list[Column]:
        """The columns of these kinds, in the table's order."""
        return [column for column in self.columns if column.kind in kinds]

    @property
    def numbers(self) -> list[Column]:
        """Columns to compute with: numbers that are not ids, codes or years."""
        numbers = self.of("number")
        return [c for c in numbers if not set(_name_parts(c.name)) & set(_SECONDARY)] or numbers

    def is_amount(self, name: str) -> bool:
        """Whether a column is a number to compute with, not an id, code or year."""
        return any(column.name == name for column in self.numbers)

    def is_ordered(self, name: str) -> bool:
        """Whether a column's values have an order of their own: dates, and numbers but ids."""
        column = self.column(name)
        is_name = bool(set(_name_parts(name)) & set(_NAMES))
        return column.kind == "date" or (column.kind == "number" and not is_name)

    @property
    def main_number(self) -> Column | None:
        """The number column that a question without one most likely means."""
        numbers = self.numbers
        likely = [c for word in _LEADING for c in numbers if word in c.name.casefold()]
        return next(iter(likely), numbers[-1] if numbers else None)

    @property
    def category(self) -> Column | None:
        """The text column that groups best: the one with the fewest values, but more than one."""
        texts = [c for c in self.of("text", "yes/no") if 1 < c.distinct <= max(30, self.rows // 4)]
        return min(texts, key=lambda c: c.distinct) if texts else None

    @property
    def date(self) -> Column | None:
        """The first date column."""
        return next(iter(self.of("date")), None)

    def load(self, *used: str) -> list[str]:
        """Lines of code that read the table into `df` and make the `used` columns fit to use."""
        lines = [*self.source.imports, "", f"df = {self.source.read}"]
        if any(column.name != column.name.strip() for column in self.columns):
            lines.append("df.columns = df.columns.str.strip()")
        for name in dict.fromkeys(used):
            lines += _tidy(self.column(name))
        return lines


def _name_parts(name: str) -> list[str]:
    return name.casefold().replace("_", " ").split()


def _tidy(column: Column) -> list[str]:
    cell = f"df[{literal(column.name.strip())}]"
    if column.kind == "date":
        first = ", dayfirst=True" if column.hint == "day first" else ""
        return [f'{cell} = pd.to_datetime({cell}, format="mixed", errors="coerce"{first})']
    if column.hint == "decimal comma":
        strip = f'{cell}.astype(str).str.replace(r"[^\\d,-]", "", regex=True)'
        return [f'{cell} = pd.to_numeric({strip}.str.replace(",", "."), errors="coerce")']
    if column.hint == "as text":
        strip = f'{cell}.astype(str).str.replace(r"[^\\d.-]", "", regex=True)'
        return [f'{cell} = pd.to_numeric({strip}, errors="coerce")']
    return [f"{cell} = {cell}.str.strip()"] if column.stray_spaces else []


async def read_tables(work: Work, paths: list[str]) -> list[Table]:
    """Look at files and profile every table in them.

    Where one of several can't be read, that is remarked and the others are. Raises CodeFailed.
    """
    found: list[Source] = []
    for path in paths:
        try:
            found += await look(work, path)
        except CodeFailed as failure:
            if len(paths) == 1:
                raise
            work.remark(explain(failure))
    sources = list({source.name: source for source in reversed(found)}.values())[::-1]
    if not sources:
        return []
    names = ", ".join(dict.fromkeys(shown_name(source.path) for source in sources))
    logs = await work.run(profile_code(sources), f"read {names} and profile the columns")
    return parse_profile(sources, logs)


def profile_code(sources: list[Source]) -> str:
    """Code that reads tables and prints what their columns hold."""
    imports = dict.fromkeys(line for source in sources for line in source.imports)
    entries = "".join(f"    {literal(source.name)}: {source.read},\n" for source in sources)
    return "\n".join(imports) + f"\n\ntables = {{\n{entries}}}\n" + _PROFILE


def parse_profile(sources: list[Source], logs: str) -> list[Table]:
    """The tables that the profile's logs tell of, in the order of `sources`."""
    tables = []
    for source, shape in zip(sources, section(logs, "Tables")[1:], strict=False):
        rows = section(logs, f"Columns of {source.name}")[1:]
        columns = tuple(
            Column(
                name=row[0],
                kind=row[1],
                hint=row[2],
                missing=int(row[3]),
                distinct=int(row[4]),
                low=row[5],
                high=row[6],
                values=tuple(filter(None, row[7].split(" | "))),
                stray_spaces=int(row[8]),
            )
            for row in rows
        )
        tables.append(Table(source, int(shape[1]), int(shape[2]), columns))
    return tables


_PROFILE = '''

def reads_as(values):
    """What a column's values read as, and how: number, date, yes/no, text or empty."""
    if values.notna().sum() == 0:
        return "empty", ""
    if pd.api.types.is_bool_dtype(values):
        return "yes/no", ""
    if pd.api.types.is_numeric_dtype(values):
        return "number", ""
    if pd.api.types.is_datetime64_any_dtype(values):
        return "date", ""
    sample = values.dropna().head(2_000).astype(str).str.strip()
    decimal = r"-?[$€£]?\\s?(?:\\d+|\\d{1,3}(?:\\.\\d{3})+)(?:,\\d{1,2})?\\s?[%€$£]?"
    has_comma = sample.str.contains(r",\\d{1,2}(?!\\d)").any()
    if has_comma and sample.str.fullmatch(decimal).mean() > 0.9:
        return "number", "decimal comma"
    if sample.str.fullmatch(r"[-+(]?[$€£]?\\s?-?\\d[\\d,]*(\\.\\d+)?\\s?[%€$£]?\\)?").mean() > 0.9:
        return "number", "as text"
    if sample.str.contains(r"\\d\\d?[-/. ]\\w+[-/. ]\\d|\\w{3,9} \\d\\d?,? \\d{4}").mean() > 0.9:
        first = sample.str.extract(r"^(\\d\\d?)([-/.])").dropna()
        day_first = bool(len(first)) and (first[0].astype(int).max() > 12 or "." in set(first[1]))
        dates = pd.to_datetime(sample, format="mixed", errors="coerce", dayfirst=day_first)
        if dates.notna().mean() > 0.9:
            return "date", "day first" if day_first else ""
    return "text", ""


def describe(name, values):
    """One row of the profile."""
    kind, how = reads_as(values)
    texts = values.dropna().astype(str)
    row = {"column": name, "type": kind, "how": how, "missing": values.isna().sum()}
    row |= {"distinct": texts.str.strip().nunique()}
    row |= {"low": "", "high": "", "values": "", "stray": 0}
    if kind == "date":
        first = how == "day first"
        dates = pd.to_datetime(values, format="mixed", errors="coerce", dayfirst=first)
        row |= {"low": dates.min().date(), "high": dates.max().date()}
    elif kind == "number" and not how:
        row |= {"low": values.min(), "high": values.max()}
    elif kind == "text":
        row["stray"] = (texts != texts.str.strip()).sum()
    if kind in ("text", "yes/no") and row["distinct"] <= 200:
        row["values"] = " | ".join(texts.str.strip().value_counts().index)[:5_000]
    return row


shapes = []
for name, df in tables.items():
    df.columns = df.columns.astype(str)
    duplicates = df.astype(str).duplicated().sum()
    shapes.append({"table": name, "rows": len(df), "duplicates": duplicates})
    print(f"Columns of {name}")
    print(pd.DataFrame([describe(*column) for column in df.items()]).to_csv(index=False))

print("Tables")
print(pd.DataFrame(shapes).to_csv(index=False))
'''
