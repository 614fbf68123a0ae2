import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
from functools import cache
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from finkd.reports.formats import csv as csv_format
from finkd.reports.formats import formats, latex, markdown
from finkd.reports.pages.templating import inline_script
from finkd.reports.report import compose
from finkd.reports.spread import Spread
from finkd.reports.table import Column, Table, label, number, plain, spread
from tests.reports.examples import example_records, record
from tests.reports.hostile import HOSTILE
from tests.reports.pages.reader import read
from tests.reports.regenerate import GOLDEN, golden_files

pytestmark = pytest.mark.slow

TEXT = st.one_of(st.text(), st.text("\\{}$&#%_^~<>|\"'`[]*=+-@!:/ \n", min_size=1), st.sampled_from(HOSTILE))


@cache
def hostile_report():
    """Every hostile string as the name of a system, stage and vocabulary, and in the environment; no picture."""
    records = []
    for position, text in enumerate(HOSTILE):
        fields = {"experiment": HOSTILE[0], "corpus": HOSTILE[12], "environment": {text: text}, "corpora": {text: text}}
        vocabulary = {"name": text, "algorithm": text, "size": position}
        records.append(record(f"{text}\n", "student", 1, stages=(text,), parameters=9, vocabulary=vocabulary, **fields))
    return compose(records)


def rendered(kind):
    return formats.get(kind)(hostile_report())


def row_counts(kind):
    """File name -> rows of its only table."""
    return {f"{name}.{kind}": len(table.rows) for name, (table,) in hostile_report().by_table().items()}


@pytest.mark.parametrize("name", golden_files())
def test_golden(name):
    assert golden_files()[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_golden_file_is_still_made():
    assert {path.name for path in GOLDEN.iterdir()} == set(golden_files())


@given(TEXT)
def test_markdown_shows_the_text_and_nothing_else(text):
    expected = plain(text)
    rendered = MarkdownIt().enable("table").parse(f"| x{markdown.escape(expected)}x |\n| --- |\n| y |\n")
    inline = next(token for token in rendered if token.type == "inline")
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    assert "".join(child.content for child in inline.children) == f"x{expected}x"


def test_markdown_tables_keep_their_shape():
    expected = row_counts("md")
    for name, content in rendered("md").items():
        tokens = MarkdownIt().enable("table").parse(content)
        rows = [token for token in tokens if token.type == "tr_open"]
        assert len(rows) == expected[name] + 1
        kinds = {child.type for token in tokens if token.type == "inline" for child in token.children}
        assert kinds <= {"text", "text_special", "strong_open", "strong_close"}


@given(TEXT)
def test_csv_cells_are_never_formulas(text):
    assert not str(csv_format.escape(plain(text))).startswith(("=", "+", "-", "@"))


def test_csv_reads_back_with_one_line_per_row():
    expected = row_counts("csv")
    for name, content in rendered("csv").items():
        lines = list(csv.reader(io.StringIO(content)))
        assert len(lines) == expected[name] + 1 == content.count("\n")
        assert len({len(line) for line in lines}) == 1
        assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)


def test_csv_keeps_numbers_as_numbers():
    assert [csv_format.escape(value) for value in (-0.5, 3.0, 7, None, True)] == [-0.5, 3, 7, None, True]


@given(TEXT)
def test_latex_leaves_no_special_character(text):
    harmless = r"\\(text\w+|d?dag)\{\}|\\[{}$&#%_]|\\texttt\{U\+[0-9A-F]{4,6}\}|\$(\\\w+|-)\$|\\\.\{G\}|\{[]*[]\}|\{\}"
    rest = re.sub(harmless, "", latex.escape(plain(text)))
    assert rest.isprintable()
    assert not set(rest) & set('\\{}$&#%_^~<>|"`[]*')


def test_latex_has_a_glyph_for_all_that_finkd_writes():
    assert not [name for name, content in golden_files().items() if name.endswith("tex") and "U+" in content]
    assert latex.escape("Ġthe ▁the €2.5 Société — “Acme”… −1 ‘a’ MNLI‡") == (
        r"\.{G}the \_the \texteuro{}2.5 Société \textemdash{} \textquotedblleft{}Acme\textquotedblright{}"
        r"\textellipsis{} $-$1 \textquoteleft{}a' MNLI\ddag{}"
    )
    assert latex.escape("利") == r"\texttt{U+5229}"


def has(file):
    found = shutil.which("kpsewhich")
    return found and subprocess.run([found, file], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("tex", "results"),
        ("tex", "vocabulary"),
        *(("siunitx", name) for name in ("results", "significance", "lineage")),
    ],
)
def test_latex_compiles(kind, name, tmp_path):
    if kind == "siunitx" and not has("siunitx.sty"):
        pytest.skip("siunitx is not installed")
    report = hostile_report() if kind == "tex" else compose(example_records())
    file = f"{name}.tex" if kind == "tex" else f"{name}.siunitx.tex"
    (tmp_path / file).write_text(formats.get(kind)(report)[file], encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", file]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def test_siunitx_gets_numbers_and_braces_around_all_else():
    columns = (Column("name", "Name", "left"), Column("size", "Size (MB)"), Column("f1", "F1"))
    rows = (
        (label("a"), number(1234.5, 1), spread(Spread(0.5, 0.1, 3))),
        (label("b"), number(None), spread(Spread(0.25, None, 1), strong=True)),
        (label("c"), number(-2.25, 1), label(None)),
    )
    text = latex.document([Table("t", "T", ("N.",), columns, rows)], aligned=True)
    assert r"\begin{tabular}{@{}lS[table-format=4.1]r@{}}" in text
    assert r"Name & {Size (MB)} & F1 \\" in text
    assert r"a & 1234.5 & 0.500 $\pm$ 0.100 (3) \\" in text
    assert r"b & {\textendash{}} & \textbf{0.250 (1)} \\" in text
    assert r"c & -2.2 & \textendash{} \\" in text
    assert "siunitx" not in latex.document([Table("t", "T", ("N.",), columns, rows)])


@pytest.mark.usefixtures("no_pictures")
def test_html_holds_hostile_names_as_text_only():
    content = rendered("html")["report.html"]
    page = read(content)
    assert not page.tags & {"img", "b", "link", "iframe"}
    (script,) = re.findall(r"<script>(.*?)</script>", content, re.DOTALL | re.IGNORECASE)
    assert script == inline_script("sort.js")["script"]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in content
    for text in HOSTILE:
        assert plain(text) in "".join(page.text)


def test_html_needs_nothing_from_outside():
    content = formats.get("html")(compose([record("a", "student", 1, latency=1.0, parameters=9)]))["report.html"]
    assert "<svg" in content
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)|src=|<link", content)


def test_html_picture_ids_are_unique():
    records = [record("a", "student", 1, latency=1.0, corpus=corpus) for corpus in ("one", "two")]
    content = formats.get("html")(compose(records))["report.html"]
    ids = re.findall(r'<g id="([^"]*)"', content)
    assert content.count("<svg") == 6
    assert len(ids) == len(set(ids))


@settings(max_examples=15)
@given(TEXT)
def test_html_page_escapes_any_name(text):
    with mock.patch("finkd.reports.figures.canvas.pictures", return_value=()):  # see test_figures
        page = read(formats.get("html")(compose([record(text, "student", 1)]))["report.html"])
    assert plain(text) in "".join(page.text)
