"""What a real Prometheus operator on the embedded cluster makes of the local stack's monitors, rules and dashboards."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from selenium.webdriver.common.by import By

from components.manifests.alerts import rule_groups
from local import monitoring
from local.dashboards.page import served
from local.extras import prepare_browser, prepare_monitoring
from local.kubectl import get
from local.paths import Paths
from local.stack import local_settings
from local.waiting import wait_for
from tests.live.conftest import MODELS, Quiet
from tests.observability.browser import browser, lines, panels

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

RECORDED_SECONDS = 240
"""How long it may take until what was asked is in recorded series: scrapes every 15 s, rules every 60 s."""


@pytest.fixture(scope="module")
def monitored(stack: Paths) -> Iterator[Paths]:
    """The local stack, beside a Prometheus by its operator."""
    prepare_monitoring(stack, Quiet())
    ran = monitoring.runs(stack)
    monitoring.start(stack, lambda _: None)
    yield stack
    if not ran:
        monitoring.stop(stack)


def api(path: str, **asked: str) -> Any:
    """What Prometheus answers."""
    answer = httpx.get(f"{monitoring.PROMETHEUS}/api/v1/{path}", params=asked, trust_env=False, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()["data"]


def value(expression: str) -> float:
    """The value of an expression that has one series at most; 0 where it has none."""
    found = api("query", query=expression)["result"]
    return float(found[0]["value"][1]) if found else 0.0


def test_monitors_select_the_pods_of_the_stack_and_no_others(monitored: Paths) -> None:
    pods = get(monitored, "pods", "--selector=app.kubernetes.io/component in (gateway,model-service)") or {}
    names = {pod["metadata"]["name"] for pod in pods["items"]}
    assert {f"{model}-0" for model in MODELS} < names

    def scraped() -> bool | None:
        found = api("targets", state="active")["activeTargets"]
        return {(target["labels"]["pod"], target["health"]) for target in found} == {(name, "up") for name in names}

    wait_for(lambda: scraped() or None, "Prometheus to scrape the stack's pods", seconds=120, every=1)


def test_all_rules_are_loaded_and_can_be_evaluated(monitored: Paths) -> None:
    settings = local_settings()
    assert settings.observability is not None
    written = {group["name"]: len(group["rules"]) for group in rule_groups(settings, settings.observability)}

    def evaluated() -> dict[str, int] | None:
        groups = api("rules")["groups"]
        states = {rule["health"] for group in groups for rule in group["rules"]}
        assert "err" not in states, groups
        return {group["name"]: len(group["rules"]) for group in groups} if states == {"ok"} else None

    assert wait_for(evaluated, "the rules to be evaluated", seconds=RECORDED_SECONDS, every=1) == written


def test_what_clients_were_answered_is_what_is_recorded(monitored: Paths, client: openai.OpenAI) -> None:
    at_gateway = 'envoy_modelyard_output_tokens_total{route="gemma-2-2b"}'
    at_engine = 'vllm:generation_tokens_total{pod="gemma-2-2b-0"}'
    # Of a counter that is new, Prometheus does not see the first step.
    tokens(client)
    before = {counter: scraped(counter) for counter in (at_gateway, at_engine)}
    answered = sum(tokens(client) for _ in range(5))
    assert {counter: scraped(counter) - count for counter, count in before.items()} == dict.fromkeys(before, answered)
    for series in (
        'modelyard:requests:rate5m{route="gemma-2-2b",served_by="gemma-2-2b",status="200"}',
        'modelyard:output_tokens:rate5m{route="gemma-2-2b"}',
        'modelyard:time_to_first_token_seconds:mean5m{route="gemma-2-2b"}',
        'modelyard:duration_seconds:p95_5m{route="gemma-2-2b"}',
        'modelyard:model_output_tokens:rate5m{model="gemma-2-2b"}',
        'modelyard:model_time_to_first_token_seconds:p50_5m{model="gemma-2-2b"}',
        'modelyard:model_pods:count{model="gemma-2-2b"}',
        "modelyard:gateway_pods:count",
    ):
        wait_for(
            lambda series=series: value(series) > 0 or None,  # type: ignore[misc]
            series,
            seconds=RECORDED_SECONDS,
            every=1,
        )
    assert value("modelyard:gateway_pods:count") == 1
    assert value('modelyard:model_pods:count{model="gemma-2-2b"}') == 1
    assert [alert["labels"] for alert in api("alerts")["alerts"] if alert["state"] == "firing"] == []


def test_the_page_shows_them(monitored: Paths, tmp_path: Path) -> None:
    prepare_browser(monitored, Quiet())
    dashboards = monitoring.dashboards(monitored)
    assert [model["title"] for model in dashboards] == [
        "Is it healthy? Models of default",
        "What fell back? Models of default",
        "Who is slow? Models of default",
        "Who pays? Models of default",
    ]
    titles = ("Requests by route", "Requests by status", "Pods of the gateway", "KV cache in use")
    with served(dashboards, monitoring.PROMETHEUS) as page, browser(tmp_path) as driver:

        def drawn() -> bool | None:
            driver.get(page)
            found = panels(driver)
            assert driver.find_element(By.ID, "trouble").text == ""
            replicas = len(lines(found["Replicas that are seen"]))
            return (replicas == len(MODELS) and all(lines(found[title]) for title in titles)) or None

        # A series that was recorded once is a point, and no line yet.
        wait_for(drawn, "lines in the panels", seconds=RECORDED_SECONDS, every=5)


def tokens(client: openai.OpenAI) -> int:
    """Ask once, streamed; the tokens of the answer, by its usage."""
    usage = None
    for chunk in client.chat.completions.create(
        model="gemma-2-2b",
        messages=[{"role": "user", "content": "Count to ten."}],
        max_tokens=16,
        stream=True,
        stream_options={"include_usage": True},
    ):
        usage = chunk.usage or usage
    assert usage is not None
    return usage.completion_tokens


def scraped(counter: str) -> float:
    """The sum of a counter by scrapes that are later than this call."""
    # Envoy writes down a request when the client has all of it.
    begin = time.time() + 1

    def now() -> float | None:
        return value(f"sum({counter})") if value(f"min(timestamp({counter}))") > begin else None

    return wait_for(now, f"a scrape of {counter}", seconds=120, every=1)
