"""The page of errors: what its tables count, what it shows, and its filters in a browser."""

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from finkd.corpora.sentence import Entity, Sentence
from finkd.evaluation.error_analysis import Reading
from finkd.reports.error_analysis import Errors, tables
from finkd.reports.pages.error_analysis import page

SENTENCES = [
    Sentence.from_words(["Acme", "<b>Corp</b>", "paid", "Jane"], ["B-ORG", "I-ORG", "O", "B-PER"], "a"),
    Sentence.from_words(["ACME", "fell"], ["B-ORG", "O"], "b"),
    Sentence.from_words(["It", "rose"], ["O", "O"], "b"),
    Sentence.from_words(["Bravo", "rose"], ["B-ORG", "O"], "b"),
]
OURS = Reading(
    "small <i>",
    [[Entity(0, 1, "ORG"), Entity(3, 4, "PER")], [Entity(0, 1, "PER")], [], []],
    [[0.75, 0.5], [0.25], [], []],
    [[2, 1, 1, 1], [2, 1], [1, 1], [3, 1]],
)
THEIRS = Reading(
    "big",
    [[Entity(0, 2, "ORG"), Entity(3, 4, "PER")], [Entity(0, 1, "ORG")], [Entity(0, 1, "ORG")], []],
    [[0.75, 0.5], [0.25], [0.5], []],
    [[1, 1, 1, 1], [1, 1], [1, 1], [3, 1]],
)
ERRORS = Errors("toy", "test", SENTENCES, [OURS, THEIRS], {"acme": 3})


def texts(name, errors=ERRORS):
    (table,) = (each for each in tables(errors) if each.name == name)
    return [[cell.text for cell in row] for row in table.rows]


def test_tables():
    assert texts("kinds") == [
        ["small <i>", "1", "1", "1", "0", "1", "0", "0.333", "0.250", "0.286"],
        ["big", "3", "0", "0", "0", "1", "1", "0.750", "0.750", "0.750"],
    ]
    assert texts("changes") == [
        ["both", "0", "1", "1"],
        ["only small <i>", "0", "0", "0"],
        ["only big", "2", "0", "2"],
        ["neither", "1", "0", "1"],
    ]
    assert texts("confusion") == [["ORG", "1", "1", "1"], ["PER", "0", "1", "0"], ["–", "0", "0", "0"]]
    groups = {row[0]: row[1:] for row in texts("groups")}
    assert groups["times in the training split: 0"] == ["3", "0.500", "0.667"]
    assert groups["times in the training split: 2 to 5"] == ["1", "0.000", "1.000"]
    assert groups["words of the sentence: 1 to 10"][0] == "4"
    assert {name: row[0] for name, row in groups.items() if name.startswith("tokens")} == {
        "tokens: 1": "1",
        "tokens: 2": "1",
        "tokens: 3 to 4": "2",
    }


def test_a_single_tagger_is_compared_with_nothing():
    alone = Errors("toy", "test", SENTENCES, [THEIRS], {})
    assert [table.name for table in tables(alone)] == ["kinds", "confusion", "groups"]
    html = page(alone, 10)
    assert html.count("<article") == 2
    assert 'name="beside"' not in html


def test_a_tagger_without_scores_and_tokens_has_neither():
    bare = Errors("toy", "test", SENTENCES, [Reading("rules", OURS.found), THEIRS], {})
    assert not any(row[0].startswith("tokens") for row in texts("groups", bare))
    html = page(bare, 10)
    assert ">ORG</small>" in html
    assert 'data-split="1"' not in html


def test_everything_is_escaped_and_bounded():
    html = page(ERRORS, 2)
    assert "<b>" not in html
    assert "<i>" not in html
    assert html.count("<article") == 2
    assert "2 more sentences are left out" in html
    assert "http:" not in html
    assert "https:" not in html


def test_filters_in_a_browser(browser, tmp_path):
    path = tmp_path / "errors.html"
    path.write_text(page(ERRORS, 10), encoding="utf-8")
    browser.get(path.as_uri())

    def shown():
        return [
            each.get_attribute("data-kinds")
            for each in browser.find_elements(By.TAG_NAME, "article")
            if each.is_displayed()
        ]

    assert shown() == ["border", "type", "", "missed"]
    assert browser.find_element(By.ID, "count").text == "4 of 4 sentences"
    for name, value, expected in (
        ("kind", "type", ["type"]),
        ("type", "ORG", ["border", "type", "missed"]),
        ("beside", "worse", ["border", "type"]),
        ("beside", "better", [""]),
    ):
        field = Select(browser.find_element(By.NAME, name))
        field.select_by_value(value) if name == "beside" else field.select_by_visible_text(value)
        assert shown() == expected
        field.select_by_index(0)
    browser.find_element(By.NAME, "split").click()
    assert shown() == ["border", "type"]
    browser.find_element(By.NAME, "unseen").click()
    assert shown() == ["border"]
