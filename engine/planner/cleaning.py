"""Clean a table into a new CSV and report each change."""

from __future__ import annotations

from engine.planner.tables import Table
from engine.planner.text import (
    escape,
    link,
    literal,
    number,
    output_path,
    section,
    shown_name,
    slug,
    table,
)
from engine.planner.workbench import Work


def cleaned_path(path: str, sheet: str = "") -> str:
    """Where the cleaned version of a file, or of a sheet in it, is written."""
    stem = shown_name(path).rpartition(".")[0] or shown_name(path)
    return output_path(f"{slug(stem, sheet)}_clean.csv")


async def answer_clean(work: Work, table_: Table) -> None:
    """Trim, drop empty and repeated rows, set types; write the result and say what changed."""
    path = cleaned_path(table_.source.path, table_.source.sheet)
    code = _CLEAN.format(
        load="\n".join(table_.load()),
        types="\n".join(_types(table_)),
        path=literal(path),
    )
    name = escape(table_.source.name)
    logs = await work.run(code, f"clean {name}")
    changes = [(what, count) for what, count in section(logs, "Changes")[1:] if count != "0"]
    before, after = section(logs, "Shape")[1:]
    if changes:
        await work.say(
            f"I cleaned {name} and changed this:", table(["change", "count"], changes, [1])
        )
    else:
        await work.say(f"{name} was clean already; nothing had to change.")
    missing = [(column, count) for column, count in section(logs, "Missing")[1:]]
    left = ", ".join(f"{escape(column)} ({number(count)})" for column, count in missing)
    await work.say(
        f"Before: {number(before[1])} rows × {before[2]} columns. "
        f"After: {number(after[1])} rows × {after[2]} columns (read back from the new file).",
        f"Missing values are left empty, none were invented: {left}." if left else "",
        "Files: " + link(path),
    )


def _types(table_: Table) -> list[str]:
    lines = []
    for column in table_.columns:
        cell = literal(column.name.strip())
        if column.kind == "date":
            first = ", dayfirst=True" if column.hint == "day first" else ""
            call = f'pd.to_datetime(df[{cell}], format="mixed", errors="coerce"{first})'
        elif column.hint == "decimal comma":
            digits = f'df[{cell}].str.replace(r"[^\\d,-]", "", regex=True).str.replace(",", ".")'
            call = f'pd.to_numeric({digits}, errors="coerce")'
        elif column.hint == "as text":
            digits = f'df[{cell}].astype(str).str.replace(r"[^\\d.-]", "", regex=True)'
            call = f'pd.to_numeric({digits}, errors="coerce")'
        else:
            continue
        lines.append(f"convert({cell}, {call})" if column.hint or column.kind == "date" else "")
    return lines


_CLEAN = """
{load}
shape = {{"before": df.shape}}
changes = {{}}

# Text: no spaces around it or doubled in it; empty text is a missing value.
df.columns = df.columns.astype(str).str.strip()
trimmed = emptied = 0
for name in df.select_dtypes(include=["object", "string"]):
    is_text = df[name].map(lambda cell: isinstance(cell, str))
    tidy = df.loc[is_text, name].str.replace(r"\\s+", " ", regex=True).str.strip()
    trimmed += int((tidy != df.loc[is_text, name]).sum())
    emptied += int((tidy == "").sum())
    df.loc[is_text, name] = tidy
    df[name] = df[name].mask(df[name] == "")
changes["cells with stray spaces trimmed"] = trimmed
changes["blank cells turned into missing values"] = emptied

# Rows and columns without any value, then rows that repeat another exactly.
changes["empty rows removed"] = int(df.isna().all(axis=1).sum())
df = df.dropna(how="all")
changes["empty columns removed"] = int(df.isna().all().sum())
df = df.dropna(axis=1, how="all")


# Types: dates as dates and amounts as numbers; what does not fit becomes missing, and is counted.
def convert(name, values):
    if name not in df:
        return
    if df[name].dtype != values.dtype:
        what = "dates" if values.dtype.kind == "M" else "numbers"
        changes[f"values of {{name}} read as {{what}}"] = int(values.notna().sum())
    unreadable = values.isna() & df[name].notna()
    changes[f"unreadable values of {{name}} emptied"] = int(unreadable.sum())
    df[name] = values


{types}
changes["repeated rows removed"] = int(df.duplicated().sum())
df = df.drop_duplicates()

# Write, then read back to be sure.
df.to_csv({path}, index=False)
again = pd.read_csv({path})
shape["after"] = again.shape
assert len(again) == len(df)
missing = df.isna().sum()

print("Changes")
print(pd.DataFrame(changes.items(), columns=["change", "count"]).to_csv(index=False))
print("Shape")
print(pd.DataFrame(shape, index=["rows", "columns"]).T.to_csv())
print("Missing")
print(missing[missing > 0].to_csv())
"""
