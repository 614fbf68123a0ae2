"""What holds for all tests."""

import shutil

import pytest
from hypothesis import settings

# A first example pays for imports, and the machine may be busy: time is no property of the code under test.
settings.register_profile("finkd", deadline=None)
settings.load_profile("finkd")


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium without a window, where it is installed."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("needs chromium and chromedriver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1280,1600"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()
