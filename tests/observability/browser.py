"""A headless Chromium, and what a person would see in it of the page with the dashboards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from local.debian import CHROMEDRIVER, CHROMIUM

SECONDS = 60
"""How long a page may take to be drawn, on a machine that has other things to do."""

_FLAGS = (
    "--headless",
    "--no-sandbox",  # it runs as root in CI, and looks at nothing but our own page
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--window-size=1400,1000",
)


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile, as long as the context lasts."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(CHROMEDRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def panels(driver: webdriver.Chrome) -> dict[str, WebElement]:
    """The panels of the page by their titles, once all of them have got their answers."""

    def answered(_: webdriver.Chrome) -> list[WebElement]:
        found = driver.find_elements(By.CSS_SELECTOR, ".panel")
        told = driver.find_element(By.ID, "told").text
        return found if told and all(panel.get_attribute("data-state") != "asked" for panel in found) else []

    found = WebDriverWait(driver, SECONDS).until(answered)
    return {panel.get_attribute("data-title") or "": panel for panel in found}


def lines(panel: WebElement) -> list[str]:
    """The shapes of the lines of a panel, in the terms of SVG."""
    paths = panel.find_elements(By.CSS_SELECTOR, ".scatterlayer .trace path.js-line")
    return [path.get_attribute("d") or "" for path in paths]


def ticks(panel: WebElement) -> list[str]:
    """What stands at the panel's vertical axis, from below."""
    return [text.text for text in panel.find_elements(By.CSS_SELECTOR, ".yaxislayer-above .ytick text")]


def legend(panel: WebElement) -> list[str]:
    """The names of a panel's series."""
    return [text.text for text in panel.find_elements(By.CSS_SELECTOR, ".legendtext")]


def complaints(driver: webdriver.Chrome) -> list[str]:
    """What the browser says is wrong with the page."""
    return [str(entry["message"]) for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]
