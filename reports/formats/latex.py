"""Tables in LaTeX: a file that compiles on its own, and ``booktabs`` tables to copy out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_letters, digits

from reports.literature import Reference, bibtex, references
from reports.report import Report
from reports.table import Cell, Column, Table

_HEAD = r"""% Compiles with pdflatex; to use a table elsewhere, copy its table environment and load booktabs.
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{booktabs}
\usepackage[a4paper,landscape,margin=12mm]{geometry}
\begin{document}
"""
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
    "±": r"$\pm$",
    "×": r"$\times$",
    "†": r"\dag{}",
    "’": "'",
}
_LATIN_1 = "".join(char for char in map(chr, range(0xC0, 0x100)) if char.isalpha())
_EASTERN = "ĂăĄąĆćČčĎďĐĘęĚěĞğĹĺĽľŁłŃńŇňŐőŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž"  # what the T1 fonts have beyond Latin 1
_LETTERS = frozenset(ascii_letters + digits + " .,:;!?'()/+-=@" + _LATIN_1 + _EASTERN)


def files(report: Report) -> Mapping[str, str]:
    """One file per table name, with the tables of all sections after one another, and the works that they cite."""
    files = {f"{name}.tex": document(tables) for name, tables in report.by_table().items()}
    works = _cited(table for tables in report.by_table().values() for table in tables)
    return {**files, "references.bib": bibtex(works)} if works else files


def document(tables: Iterable[Table]) -> str:
    """A complete document of one ``table`` environment per table."""
    held = list(tables)
    body = "\n".join(_table(table, position) for position, table in enumerate(held, 1))
    return _HEAD + body + _bibliography(held) + _TAIL


def escape(text: str) -> str:
    r"""One line of plain text as LaTeX that shows it; characters that pdflatex has no glyph for become ``U+1F4B6``."""
    escaped = "".join(_SPECIAL.get(char, char if char in _LETTERS else _code_point(char)) for char in text)
    return re.sub(r"([-,'])(?=\1)", r"\1{}", escaped)  # or else --, ,, and '' become one sign


def _code_point(char: str) -> str:
    return rf"\texttt{{U+{ord(char):04X}}}"


def _table(table: Table, position: int) -> str:
    columns, rows = table.for_readers()
    lines = [
        r"\begin{table}[p]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{escape(table.title)}. {escape(table.caption)}}}",
        rf"\label{{tab:{table.name}-{position}}}",
        rf"\begin{{tabular}}{{@{{}}{''.join(column.align[0] for column in columns)}@{{}}}}",
        r"\toprule",
        _row(map(_heading, columns)),
        r"\midrule",
        *(_row(map(_cell, row)) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _bibliography(tables: Iterable[Table]) -> str:
    """The works that the tables cite, so that the file needs no BibTeX; ``references.bib`` has them for a thesis."""
    works = _cited(tables)
    if not works:
        return ""
    items = (rf"\bibitem{{{work.key}}} {escape(work.full)}" for work in works)
    return "\n".join(["", r"\begin{thebibliography}{99}", *items, r"\end{thebibliography}", ""])


def _cited(tables: Iterable[Table]) -> list[Reference]:
    keys = {key for table in tables for row in table.for_readers()[1] for cell in row for key in cell.cites}
    return [references()[key] for key in sorted(keys)]


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _heading(column: Column) -> str:
    return escape(column.heading)


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{escape(cell.text)}}}" if cell.strong and cell.text else escape(cell.text)
    return rf"{text}~\cite{{{','.join(cell.cites)}}}" if cell.cites and cell.text else text
