"""The page of a report in a real browser."""

import dataclasses

from finkd.reports.build import build
from tests.reports.examples import example_records


def opened(browser, tmp_path, width=1280):
    records = example_records()
    build([*records, *(dataclasses.replace(each, corpus="finer-ord") for each in records)], tmp_path, ["html"])
    browser.set_window_size(width, 1600)
    browser.get((tmp_path / "report.html").as_uri())
    return browser


def column(browser, table, place):
    cells = f"document.querySelectorAll('#{table} + figure tbody tr td:nth-child({place})')"
    return browser.execute_script(f"return [...{cells}].map(cell => cell.textContent)")


def test_tables_are_sorted_by_their_headings(browser, tmp_path):
    page = opened(browser, tmp_path)
    heading = page.find_element("css selector", "#section-1-results + figure th:nth-child(3) button")
    assert heading.text == "Micro-F1"
    heading.click()
    found = column(page, "section-1-results", 3)
    assert found == sorted(found, reverse=True)
    heading.click()
    assert column(page, "section-1-results", 3) == found[::-1]
    page.find_element("css selector", "#section-1-results + figure th:nth-child(5) button").click()
    assert column(page, "section-1-results", 5)[-1] == "–"  # what is missing stays below
    assert not page.find_elements("css selector", "#section-1-types + figure th button")  # its rows belong together


def test_contents_lead_to_every_table(browser, tmp_path):
    page = opened(browser, tmp_path)
    links = page.execute_script("return [...document.querySelectorAll('nav a')].map(link => link.getAttribute('href'))")
    assert "#corpora" in links
    assert "#section-2-published" in links
    assert all(page.find_elements("css selector", link) for link in links)


def test_a_phone_scrolls_tables_and_not_the_page(browser, tmp_path):
    page = opened(browser, tmp_path, width=500)
    assert page.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_browser_finds_nothing_wrong(browser, tmp_path):
    page = opened(browser, tmp_path)
    assert [entry["message"] for entry in page.get_log("browser")] == []
