"""Tables in LaTeX: a file that compiles on its own, and ``booktabs`` tables to copy out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_letters, digits

from finkd.reports.literature import Reference, bibtex, references
from finkd.reports.report import Report
from finkd.reports.table import Cell, Table

_HEAD = r"""% Compiles with pdflatex; to use a table elsewhere, copy its table environment and load booktabs.
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{booktabs}
%s\usepackage[a4paper,landscape,margin=12mm]{geometry}
\begin{document}
"""
_SIUNITX = r"""\usepackage{siunitx}
\sisetup{detect-all, group-separator={,}, group-minimum-digits=4}
"""
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")
_TAIL = "\\end{document}\n"

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # behind a line break, [ and * would be read as its arguments
    "]": "{]}",
    "*": "{*}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "€": r"\texteuro{}",
    "…": r"\textellipsis{}",
    "‘": r"\textquoteleft{}",
    "’": "'",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "Ġ": r"\.{G}",  # as ▁, the space before a token
    "▁": r"\_",
}
_LATIN_1 = "".join(char for char in map(chr, range(0xC0, 0x100)) if char.isalpha())
_EASTERN = "ĂăĄąĆćČčĎďĐĘęĚěĞğĹĺĽľŁłŃńŇňŐőŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž"  # what the T1 fonts have beyond Latin 1
_LETTERS = frozenset(ascii_letters + digits + " .,:;!?'()/+-=@" + _LATIN_1 + _EASTERN)


def files(report: Report) -> Mapping[str, str]:
    """One file per table name, with the tables of all sections after one another, and the works that they cite."""
    return _files(report, aligned=False)


def siunitx_files(report: Report) -> Mapping[str, str]:
    """Return the same with siunitx, which sets numbers under one another by their decimal points."""
    return _files(report, aligned=True)


def _files(report: Report, *, aligned: bool) -> Mapping[str, str]:
    kind = "siunitx.tex" if aligned else "tex"
    files = {f"{name}.{kind}": document(tables, aligned=aligned) for name, tables in report.by_table().items()}
    works = _cited(table for tables in report.by_table().values() for table in tables)
    return {**files, "references.bib": bibtex(works)} if works else files


def document(tables: Iterable[Table], *, aligned: bool = False) -> str:
    """Write a complete document of one ``table`` environment per table, numbers aligned by siunitx or to the right."""
    held = list(tables)
    body = "\n".join(_table(table, position, aligned=aligned) for position, table in enumerate(held, 1))
    return _HEAD.replace("%s", _SIUNITX if aligned else "") + body + _bibliography(held) + _TAIL


def escape(text: str) -> str:
    r"""One line of plain text as LaTeX that shows it; characters that pdflatex has no glyph for become ``U+1F4B6``."""
    escaped = "".join(
        _SPECIAL.get(char, char if char in _LETTERS else rf"\texttt{{U+{ord(char):04X}}}") for char in text
    )
    return re.sub(r"([-,'])(?=\1)", r"\1{}", escaped)  # or else --, ,, and '' become one sign


def _table(table: Table, position: int, *, aligned: bool) -> str:
    columns, rows = table.for_readers()
    formats = [
        _number_format([row[place] for row in rows]) if aligned and column.align == "right" else ""
        for place, column in enumerate(columns)
    ]
    layout = [each or column.align[0] for each, column in zip(formats, columns, strict=True)]
    lines = [
        r"\begin{table}[p]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{escape(table.title)}. {escape(table.caption)}}}",
        rf"\label{{tab:{table.name}-{position}}}",
        rf"\begin{{tabular}}{{@{{}}{''.join(layout)}@{{}}}}",
        r"\toprule",
        _row(
            f"{{{escape(column.heading)}}}" if each else escape(column.heading)
            for column, each in zip(columns, formats, strict=True)
        ),
        r"\midrule",
        *(
            _row(_number_cell(cell) if each else _cell(cell) for cell, each in zip(row, formats, strict=True))
            for row in rows
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _bibliography(tables: Iterable[Table]) -> str:
    """List the works that the tables cite, so that the file needs no BibTeX."""
    works = _cited(tables)
    if not works:
        return ""
    items = (rf"\bibitem{{{work.key}}} {escape(work.full)}" for work in works)
    return "\n".join(["", r"\begin{thebibliography}{99}", *items, r"\end{thebibliography}", ""])


def _cited(tables: Iterable[Table]) -> list[Reference]:
    keys = {key for table in tables for row in table.for_readers()[1] for cell in row for key in cell.cites}
    return [references()[key] for key in sorted(keys)]


def _number_format(cells: Iterable[Cell]) -> str:
    """Layout of a siunitx column for cells that are numbers or missing; empty if one is something else."""
    numbers = [cell.text for cell in cells if cell.value is not None]
    if not numbers or not all(_NUMBER.fullmatch(text) for text in numbers):
        return ""
    before = max(len(text.split(".")[0].replace(",", "")) for text in numbers)
    behind = max(len(text.partition(".")[2]) for text in numbers)
    return rf"S[table-format={before}.{behind}]"


def _number_cell(cell: Cell) -> str:
    if cell.value is None:
        return f"{{{escape(cell.text)}}}"  # braces mark text for siunitx
    number = cell.text.replace(",", "")
    return rf"\bfseries {number}" if cell.strong else number


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{escape(cell.text)}}}" if cell.strong and cell.text else escape(cell.text)
    return rf"{text}~\cite{{{','.join(cell.cites)}}}" if cell.cites and cell.text else text
