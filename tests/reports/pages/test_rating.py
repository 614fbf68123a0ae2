"""Human evaluation: what is drawn, what raters see, and what their grades say together."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from selenium.webdriver.support.ui import WebDriverWait

from finkd.corpora.errors import ConfigError, DataError
from finkd.reports.pages.rating import (
    CRITERIA,
    agreement,
    draw,
    key,
    means,
    ordinal_alpha,
    page,
    read_key,
    read_ratings,
)
from tests.reports.tasks import task_record

DIALOGUES = [f"Ann: this is <b>dialogue</b> {number}.\nBob: yes." for number in range(6)]
ROUGE = {"rouge1": 0.5}


def written(system, role="student", method="lora, nf4, greedy", **fields):
    texts = tuple(f"{system} on {number}" for number in range(6))
    made = {"role": role, "method": method, "texts": texts, "headline": ("rouge1",)}
    return task_record("summarization", "dialogsum", system, ROUGE, **made, **fields)


RECORDS = [written("lead-3", "baseline", "lead-3"), written("phi-2"), written("phi-2", seed=2)]


def rated(drawn, path, name, grade, **changed):
    ratings = {item.name: dict.fromkeys(CRITERIA, grade(item)) for item in drawn.items}
    path.write_text(json.dumps({"form": drawn.id, "rater": name, "ratings": ratings, **changed}))
    return path


def test_a_seed_draws_the_same_again_and_another_one_something_else():
    form = draw(RECORDS, 3, 1)
    assert form == draw(RECORDS, 3, 1)
    assert form.id != draw(RECORDS, 3, 2).id
    assert len(form.items) == 6  # of several seeds of a system the first one
    assert {item.system for item in form.items} == {"lead-3", "phi-2, lora, nf4, greedy"}
    assert len({item.dialogue for item in form.items}) == 3
    orders = {tuple(item.system for item in draw(RECORDS, 6, seed).items) for seed in range(5)}
    assert len(orders) > 1


def test_raters_do_not_see_what_wrote_a_summary():
    form = draw([dataclasses.replace(r, texts=("one", "two")) for r in RECORDS], 2, 1)
    html = page(form, DIALOGUES)
    assert "phi-2" not in html
    assert "lead-3" not in html
    assert "lora" not in html
    assert "&lt;b&gt;dialogue" in html


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ConfigError, match="no summaries among these records"):
        draw([task_record("glue", "mrpc", "x", {"f1": 1.0, "accuracy": 1.0})], 1, 1)
    with pytest.raises(ConfigError, match=r"--items: expected 1 to 6 \(got 7\)"):
        draw(RECORDS, 7, 1)
    with pytest.raises(ConfigError, match="of different dialogues"):
        draw([*RECORDS, written("other", fingerprint="x")], 1, 1)


def test_means_and_agreement_by_hand(tmp_path):
    form = draw(RECORDS, 2, 1)
    (tmp_path / "key.json").write_text(key(form))
    assert read_key(tmp_path / "key.json") == form
    files = [
        rated(form, tmp_path / f"{name}.json", name, lambda item, low=low: 5 if item.system != "lead-3" else low)
        for name, low in (("Ann", 1), ("Bob", 3))
    ]
    raters = [read_ratings(path, form) for path in files]
    table = means(form, raters)
    assert [row[0].value for row in table.rows] == ["phi-2, lora, nf4, greedy", "lead-3"]
    assert [row[-1].value for row in table.rows] == [5.0, 2.0]
    assert table.rows[1][1].text == "2.00 ± 1.15 (4)"
    same = agreement(form, raters)
    assert [row[2].value for row in same.rows] == [0.5] * 3
    # By Krippendorff (2011): of 8 grades two are 1, two 3 and four 5; between 1 and 3 lies (2 + 2 - 2)^2 = 4, between 1
    # and 5 (2 + 2 + 4 - 3)^2 = 25, between 3 and 5 (2 + 4 - 3)^2 = 9. Observed: 2 * 2 * 4 / 8, expected:
    # 2 * (2 * 2 * 4 + 2 * 4 * 25 + 2 * 4 * 9) / (8 * 7).
    assert same.rows[0][1].value == pytest.approx(1 - 2 / (576 / 56))
    assert agreement(form, raters[:1]).rows[0][1].value is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"form": "other"}, "is of form other, the key of .*; other texts or another seed"),
        ({"ratings": {}}, r"no grade from 1 to 5 for 1 \(fluency\), 1 \(faithfulness\), 1 \(coverage\) and 9 more"),
        (
            {"ratings": {"1": {"fluency": 6, "faithfulness": 0, "coverage": 3}}},
            r"for 1 \(fluency\), 1 \(faithfulness\)",
        ),
        ({"ratings": {"1": {"fluency": "good"}}}, "not a rater's file"),
        ({"rater": None}, "not a rater's file"),
    ],
)
def test_a_raters_file_that_is_not_whole_is_refused(tmp_path, changed, said):
    form = draw(RECORDS, 2, 1)
    path = rated(form, tmp_path / "ann.json", "Ann", lambda item: 3, **changed)
    with pytest.raises(DataError, match=said):
        read_ratings(path, form)


def test_files_that_are_no_json_and_keys_that_were_changed_are_refused(tmp_path):
    form = draw(RECORDS, 2, 1)
    path = tmp_path / "key.json"
    path.write_text(key(form).replace('"seed": 1', '"seed": 2'))
    with pytest.raises(DataError, match="it was changed"):
        read_key(path)
    for content in ("{", "[]", "{}"):
        path.write_text(content)
        with pytest.raises(DataError, match="not the key of a form"):
            read_key(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_key(tmp_path / "missing.json")


def test_a_person_fills_in_the_form(browser, tmp_path):
    form = draw(RECORDS, 2, 1)
    (tmp_path / "form.html").write_text(page(form, DIALOGUES))
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.set_window_size(500, 900)
    browser.get((tmp_path / "form.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    save = browser.find_element("css selector", "button[type=submit]")
    state = browser.find_element("id", "state")
    browser.execute_script("arguments[0].click()", save)
    assert state.text == "12 of 12 grades are missing."
    assert len(browser.find_elements("css selector", "fieldset.missing")) == 12
    for item in form.items:
        for criterion in CRITERIA:
            grade = 4 if item.system == "lead-3" else 2
            choice = f"input[name='{item.name}-{criterion}'][value='{grade}']"
            browser.execute_script("arguments[0].click()", browser.find_element("css selector", choice))
    assert state.text == "All grades are there."
    browser.execute_script("arguments[0].click()", save)
    assert state.text == "Please write your name."
    browser.find_element("id", "rater").send_keys("Ann B.")

    def kept(_):
        browser.get("about:blank")  # so that what is read next is of a new page, never of the old one
        browser.get((tmp_path / "form.html").as_uri())
        return browser.find_element("id", "rater").get_attribute("value")

    name = WebDriverWait(browser, 10).until(kept)  # the browser writes down in its own time what a page keeps
    assert name == "Ann B."
    browser.execute_script("arguments[0].click()", browser.find_element("css selector", "button[type=submit]"))
    path = tmp_path / f"ratings-{form.id}-Ann-B-.json"
    WebDriverWait(browser, 5).until(lambda _: path.is_file())
    table = means(form, [read_ratings(path, form)])
    assert [(row[0].value, row[-1].value) for row in table.rows] == [("lead-3", 4.0), ("phi-2, lora, nf4, greedy", 2.0)]
    assert [entry["message"] for entry in browser.get_log("browser")] == []


NONE = np.nan
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]
"""Krippendorff (2011), section D: 4 observers, 12 units, grades missing; the last unit can be compared with none."""


def test_the_published_example():
    assert round(ordinal_alpha(np.array(PUBLISHED)), 3) == 0.815


def test_a_case_by_hand():
    # Two raters, three items: 1 1, 1 2, 2 2. Each grade is given 3 times, so 1 and 2 lie 3 + 3 - 3 = 3 apart, squared
    # 9. Observed: one pair of unlike grades, both ways 2 * 9; expected: 2 * 3 * 3 * 9 / 5.
    assert ordinal_alpha(np.array([[1.0, 1, 2], [1, 2, 2]])) == pytest.approx(1 - 18 / (162 / 5))


@pytest.mark.parametrize(
    "grades",
    [[[1.0, 2, 3]], [[2.0, 2], [2, 2]], [[1.0, NONE], [NONE, 2]], [[1.0, NONE], [1, 2]], [[NONE], [NONE]], [[], []]],
    ids=["one rater", "one grade", "no item twice", "one item twice, alike", "nothing", "no items"],
)
def test_it_is_undefined_where_nothing_can_differ(grades):
    assert ordinal_alpha(np.array(grades)) is None


def by_definition(grades):
    """One less the mean distance within items over that of all values, pair by pair."""
    items = [[value for value in column if not np.isnan(value)] for column in grades.T]
    items = [values for values in items if len(values) > 1]
    every = [value for values in items for value in values]

    def distance(one, other):
        low, high = sorted((one, other))
        between = sum(low <= value <= high for value in every)
        return 0 if one == other else (between - (every.count(low) + every.count(high)) / 2) ** 2

    within = sum(
        sum(itertools.starmap(distance, itertools.permutations(values, 2))) / (len(values) - 1) for values in items
    )
    across = sum(itertools.starmap(distance, itertools.permutations(every, 2))) / (len(every) - 1)
    return 1 - within / across


@given(arrays(float, st.tuples(st.integers(2, 4), st.integers(2, 6)), elements=st.sampled_from([1, 2, 3, 5, NONE])))
def test_it_is_what_the_definition_says(grades):
    found = ordinal_alpha(grades)
    if found is not None:
        assert found == pytest.approx(by_definition(grades))
        assert found <= 1
        assert ordinal_alpha(grades * 10 - 3) == pytest.approx(found)  # only the order of grades counts
        assert ordinal_alpha(grades[::-1]) == pytest.approx(found)
