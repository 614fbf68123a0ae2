"""``finkd dashboard``: for this machine alone, and seen in a browser where there is one."""

import re
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna_dashboard import save_note

from finkd.experiments.tuning import storage
from finkd.experiments.tuning.addresses import default_url
from finkd.experiments.tuning.dashboard import OriginCheck


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_other_addresses_are_refused(host, finkd, tmp_path):
    result = finkd("dashboard", "--runs", tmp_path, "--host", host, code=2)
    assert f"{host} can be reached by other machines" in result.stderr
    assert "--force" in result.stderr


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"HTTP_HOST": "127.0.0.1:8080"}, "200 OK"),
        ({"HTTP_HOST": "localhost:8080", "HTTP_ORIGIN": "http://localhost:8080"}, "200 OK"),
        ({"HTTP_HOST": "localhost:9000"}, "200 OK"),
        ({"HTTP_HOST": "127.0.0.2"}, "200 OK"),
        ({"HTTP_HOST": "[::1]:8080"}, "200 OK"),
        ({"HTTP_HOST": "127.0.0.1:8080", "HTTP_SEC_FETCH_SITE": "cross-site"}, "403 Forbidden"),
        ({"HTTP_HOST": "evil.example:8080"}, "403 Forbidden"),
        ({"HTTP_HOST": "["}, "403 Forbidden"),
        ({"HTTP_HOST": "[::1"}, "403 Forbidden"),
        ({"HTTP_HOST": "[127.0.0.1]"}, "403 Forbidden"),
        ({"HTTP_HOST": "127.0.0.1:8080", "HTTP_ORIGIN": "http://evil.example"}, "403 Forbidden"),
        ({"HTTP_HOST": "127.0.0.1:8080", "HTTP_ORIGIN": "null"}, "403 Forbidden"),
        ({}, "403 Forbidden"),
    ],
)
def test_other_pages_are_turned_away(headers, status):
    answered = []

    def app(environment, start):
        start("200 OK", [])
        return [b""]

    list(OriginCheck(app, ())(headers, lambda *answer: answered.append(answer[0])))
    assert answered == [status]


@pytest.mark.parametrize(("host", "status"), [("Studies.example:80", 200), ("[::1]", 200), ("evil.example", 403)])
def test_further_host_names_are_answered_if_they_are_given(host, status):
    answered = []
    check = OriginCheck(lambda environment, start: start("200 OK", []) or [], ["studies.example"])
    list(check({"HTTP_HOST": host}, lambda *answer: answered.append(answer[0])))
    assert int(answered[0][:3]) == status


@pytest.fixture
def served(tmp_path):
    """The address of a dashboard with one study of two trials."""
    url = default_url(tmp_path / "study")
    study = optuna.create_study(storage=storage.connect(url, create=True), study_name="Bread & <butter>")
    for value in (1.0, 0.5):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        save_note(trial, f"### Results of number {trial.number}")
        study.tell(trial, value)
    program = "from finkd.experiments.cli import main; main()"
    command = [sys.executable, "-c", program, "dashboard", "--runs", str(tmp_path), "--port", "0"]
    root = Path(__file__).parents[3]
    running = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    yield re.search(r"http://\S+", running.stderr.readline())[0]
    running.terminate()
    running.wait()


def test_a_browser_shows_the_trials_of_a_study(served, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def wait_for(text):
        WebDriverWait(browser, 60).until(lambda browser: text in browser.find_element(By.TAG_NAME, "body").text)

    browser.get(served)
    wait_for("Bread & <butter>")
    browser.find_element(By.PARTIAL_LINK_TEXT, "Bread").click()
    wait_for("Bread & <butter> (id=1)")
    browser.get(f"{browser.current_url.split('?')[0]}/trials?numbers=1")
    wait_for("Best Trial")
    wait_for("Results of number 1")
