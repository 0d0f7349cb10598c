"""The page with the dashboards in a real browser, fed by a real Prometheus."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select
from selenium.webdriver.support.wait import WebDriverWait

from components.manifests.dashboards import dashboard_config_maps
from local.dashboards.page import served
from local.paths import Paths
from local.waiting import wait_for
from stacks.settings import StackSettings
from tests.gateway.fakes import free_port
from tests.observability import recorded
from tests.observability.browser import browser, complaints, legend, lines, panels, ticks
from tests.observability.stacks import observed, of

pytestmark = pytest.mark.browser

Model = dict[str, Any]
STACK = observed()


KEYS = ("health", "speed", "cost", "fallbacks")
NAMES = (*(recorded.LABELS[label] for label in ("route", "served_by")), ("p50", "p95", "p99"))


def models(stack: StackSettings = STACK) -> dict[str, Model]:
    """The dashboards by their keys, as their ConfigMaps hold them."""
    found = [json.loads(text) for each in dashboard_config_maps(stack, of(stack)) for text in each["data"].values()]
    return dict(zip(KEYS, found, strict=True))


@contextmanager
def prometheus(paths: Paths, data: Path, port: int) -> Iterator[str]:
    """A Prometheus with this data, that scrapes nothing."""
    url = f"127.0.0.1:{port}"
    config = data / "prometheus.yml"
    config.write_text("{}")
    files = [f"--config.file={config}", f"--storage.tsdb.path={data}"]
    with (data / "log").open("w") as log:
        process = subprocess.Popen(
            [paths.bin / "prometheus", *files, f"--web.listen-address={url}"], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            wait_for(lambda: ready(f"http://{url}"), "Prometheus", seconds=60)
            yield f"http://{url}"
        finally:
            process.terminate()
            process.wait(30)


def ready(url: str) -> bool | None:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success or None
    except httpx.TransportError:
        return None


@pytest.fixture(scope="module")
def data(paths: Paths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of what the stack's rules record."""
    folder = tmp_path_factory.mktemp("prometheus")
    recorded.write(STACK, folder / "series")
    command = ["tsdb", "create-blocks-from", "openmetrics", str(folder / "series"), str(folder)]
    subprocess.run([str(paths.bin / "promtool"), *command], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def fed(paths: Paths, data: Path) -> Iterator[str]:
    """URL of a Prometheus with that."""
    with prometheus(paths, data, free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def page(fed: str) -> Iterator[str]:
    """URL of the page that asks it."""
    with served([*models().values()], fed) as page:
        yield page


@pytest.fixture(scope="module")
def driver(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


UNITS = {
    "short": r"\d+(\.\d+)?",
    "percentunit": r"\d+(\.\d+)?%",
    "s": r"0s|\d+(\.\d+)?m?s",
    "reqps": r"\d+(\.\d+)?k? req/s",
    "suffix: tokens/s": r"\d+(\.\d+)?k? tokens/s",
}
"""What stands at the axis of a panel, by Grafana's name of its unit."""


@dataclass(frozen=True)
class Panel:
    """A panel of a dashboard, and what Prometheus has for it."""

    title: str
    unit: str
    series: int


def answers(prometheus: str, model: Model) -> list[Panel]:
    """The panels of a dashboard, with the number of series that Prometheus itself gives for the last hour."""
    found = []
    for panel in model["panels"]:
        if panel["type"] == "row":
            continue
        series = 0
        for target in panel["targets"]:
            asked = {"query": target["expr"], "start": time.time() - 3600, "end": time.time(), "step": 60}
            answer = httpx.get(f"{prometheus}/api/v1/query_range", params=asked, trust_env=False)
            series += len(answer.json()["data"]["result"])
        found.append(Panel(panel["title"], panel["fieldConfig"]["defaults"]["unit"], series))
    return found


def opened(driver: webdriver.Chrome, page: str, uid: str) -> dict[str, WebElement]:
    """A dashboard's panels as somebody sees them who comes for the first time."""
    driver.get("about:blank")
    driver.get(f"{page}#dashboard={uid}")
    return panels(driver)


@pytest.mark.parametrize("key", KEYS)
def test_every_panel_draws_a_line_a_series_in_its_unit(driver: webdriver.Chrome, fed: str, page: str, key: str) -> None:
    model = models()[key]
    found = opened(driver, page, model["uid"])
    expected = answers(fed, model)
    assert driver.title == model["title"]
    assert list(found) == [panel.title for panel in expected]
    for panel in expected:
        section = found[panel.title]
        assert section.get_attribute("data-state") == "drawn", panel
        assert panel.series > 0, panel
        drawn = lines(section)
        assert len(drawn) == len(set(drawn)) == panel.series, panel
        # A line has more than one point.
        assert all(re.match(r"M[^A-Z]+[LC]", shape) for shape in drawn), panel
        assert len(legend(section)) == panel.series, panel
        written = ticks(section)
        assert len(set(written)) == len(written) > 1, panel
        assert all(re.fullmatch(UNITS[panel.unit], tick) for tick in written), (panel, written)
    assert driver.find_element(By.ID, "trouble").text == ""
    assert complaints(driver) == []


def test_values_are_told_in_their_units(driver: webdriver.Chrome, page: str) -> None:
    uids = {key: model["uid"] for key, model in models().items()}
    shares = ticks(opened(driver, page, uids["health"])["KV cache in use"])
    assert shares[:3] == ["0%", "2%", "4%"]
    times = ticks(opened(driver, page, uids["speed"])["Time per output token"])
    assert times[:3] == ["0s", "20ms", "40ms"]
    tokens = ticks(opened(driver, page, uids["cost"])["Prompt tokens read"])
    assert tokens[:3] == ["0 tokens/s", "500 tokens/s", "1000 tokens/s"]


def test_series_are_named_by_their_labels(driver: webdriver.Chrome, page: str) -> None:
    found = opened(driver, page, models()["speed"]["uid"])
    names = {f"{route} by {model}, {word}" for route, model, word in product(*NAMES)}
    assert set(legend(found["Whole request"])) == names


def test_the_other_questions_and_times_are_a_click_away(driver: webdriver.Chrome, page: str) -> None:
    fallbacks = models()["fallbacks"]
    opened(driver, page, models()["health"]["uid"])
    driver.find_element(By.LINK_TEXT, fallbacks["title"]).click()
    WebDriverWait(driver, 30).until(lambda _: driver.title == fallbacks["title"])
    Select(driver.find_element(By.ID, "minutes")).select_by_visible_text("15 minutes")
    WebDriverWait(driver, 30).until(lambda _: "minutes=15" in driver.current_url)
    assert driver.title == fallbacks["title"]
    assert {panel.get_attribute("data-state") for panel in panels(driver).values()} == {"drawn"}


def test_series_that_are_not_there_are_no_line_and_no_trouble(driver: webdriver.Chrome, fed: str) -> None:
    nothing = models(observed(cluster={"namespace": "of-nobody"}))
    with served([*nothing.values()], fed) as page:
        found = opened(driver, page, nothing["health"]["uid"])
        assert {panel.get_attribute("data-state") for panel in found.values()} == {"empty"}
        assert all("No data" in panel.text for panel in found.values())
        assert driver.find_element(By.ID, "trouble").text == ""


def test_nothing_is_drawn_for_a_time_of_which_nothing_is_known(driver: webdriver.Chrome, page: str) -> None:
    found = opened(driver, page, f"{models()['fallbacks']['uid']}&minutes=1440")
    for title in ("Who served", "Answers that came from a fallback"):
        # The data is that of the last of 24 hours.
        begins = [float(re.split("[M,]", shape)[1]) for shape in lines(found[title])]
        assert min(begins) > 0.9 * found[title].size["width"] - 100, title


def test_a_prometheus_that_goes_away_is_told_of_in_a_sentence(
    driver: webdriver.Chrome, paths: Paths, tmp_path: Path
) -> None:
    port = free_port()
    with served([*models().values()], f"http://127.0.0.1:{port}") as page:
        with prometheus(paths, tmp_path, port):
            opened(driver, page, models()["health"]["uid"])
            assert driver.find_element(By.ID, "trouble").text == ""
        found = opened(driver, page, models()["health"]["uid"])
        assert {panel.get_attribute("data-state") for panel in found.values()} == {"failed"}
        assert driver.find_element(By.ID, "trouble").text == (
            f"Prometheus at http://127.0.0.1:{port} does not answer: [Errno 111] Connection refused. "
            "Run `make dashboards` again: it starts what does not run."
        )


def test_what_prometheus_refuses_is_told_in_its_words(driver: webdriver.Chrome, fed: str) -> None:
    model = models()["health"]
    (panel,) = [panel for panel in model["panels"] if panel["title"] == "Pods of the gateway"]
    panel["targets"][0]["expr"] = "sum("
    with served([model], fed) as page:
        found = opened(driver, page, model["uid"])
        assert found["Pods of the gateway"].get_attribute("data-state") == "failed"
        assert found["Requests by status"].get_attribute("data-state") == "drawn"
        assert 'invalid parameter "query"' in driver.find_element(By.ID, "trouble").text


@pytest.mark.parametrize("name", ["rebound.example", "rebound.example:80", "[::1]", ""])
def test_pages_of_others_get_nothing(page: str, name: str) -> None:
    assert httpx.get(f"{page}dashboards", headers={"Host": name}, trust_env=False).status_code == 421


@pytest.mark.parametrize("path", ["api/v1/status/config", "api/v1/admin/tsdb/snapshot", "../pyproject.toml", "web"])
def test_nothing_else_is_passed_on(page: str, path: str) -> None:
    assert httpx.get(f"{page}{path}", trust_env=False).status_code == 404
