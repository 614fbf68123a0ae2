"""What holds for all tests."""

import os
import shutil

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is first imported
os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is: threads of several processes wait for each other
# A first example pays for imports, and the machine may be busy: time is no property of the code under test.
settings.register_profile("finkd", deadline=None)
settings.load_profile("finkd")


@pytest.fixture(scope="session", autouse=True)
def _quiet_machine():
    """What finkd says must not depend on what else the machine does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
        yield


@pytest.fixture
def no_pictures(monkeypatch):
    """Reports without pictures, which take most of their time; tests/reports is about them."""
    monkeypatch.setattr("finkd.reports.report.Chapter.pictures", ())


@pytest.fixture(scope="session")
def _chromium():
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs chromium and chromedriver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1280,1600"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def browser(_chromium):
    """Debian's chromium without a window, where it is installed, on an empty page that says nothing yet."""
    _chromium.get("about:blank")  # the last test's page may still be asking a server that is gone
    _chromium.get_log("browser")
    return _chromium
