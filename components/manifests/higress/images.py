"""The container images of Higress's release, as the chart puts their addresses together."""

from typing import Any

from components.manifests.higress.chart import CONSOLE, CORE, MIRRORED_IMAGES, chart_values
from components.manifests.higress.plugins import REGISTRY
from stacks.settings import StackSettings

DASHBOARD_TAGS = {"grafana": "9.3.6", "prometheus": "v2.40.7", "loki": "2.9.4"}
"""The chart's dashboards, and their versions."""
PROMTAIL_TAG = "2.9.4"
"""Version of what reads the gateway's log for the dashboards."""
REDIS_TAG = "7.4.0-v3"
"""Version of the chart's Redis."""


def images(stack: StackSettings) -> list[str]:
    """The addresses of all images that the release has the cluster pull."""
    values = chart_values(stack)
    version = stack.higress.chart.version
    found = [
        _of_core(values, "gateway", "gateway", version),
        _of_core(values, "pilot", "pilot", version),
        _of_core(values, "controller", "higress", version),
        _console(values, version),
    ]
    shared = values["global"]
    if shared["enableRedis"]:
        found.append(_redis(values))
    if shared.get("enablePluginServer"):
        found.append(_of_core(values, "pluginServer", "plugin-server", version))
    if shared["o11y"]["enabled"]:
        found += [_promtail(values), *(_dashboard(values, name) for name in DASHBOARD_TAGS)]
    return found


def _of_core(values: dict[str, Any], part: str, image: str, version: str) -> str:
    own = values[CORE].get(part, {})
    hub = own.get("hub") or _hub(values)
    return f"{hub}/{MIRRORED_IMAGES}/{own.get('image') or image}:{own.get('tag') or version}"


def _console(values: dict[str, Any], version: str) -> str:
    own = values[CONSOLE].get("image", {})
    return f"{own.get('repository') or _public('console')}:{own.get('tag') or version}"


def _redis(values: dict[str, Any]) -> str:
    own = values[CORE].get("redis", {}).get("redis", {})
    image, tag = own.get("image") or "redis-stack-server", own.get("tag") or REDIS_TAG
    return f"{_hub(values)}/{MIRRORED_IMAGES}/{image}:{tag}"


def _promtail(values: dict[str, Any]) -> str:
    own = values["global"]["o11y"].get("promtail", {}).get("image", {})
    repository = own.get("repository") or f"{_hub(values)}/{MIRRORED_IMAGES}/promtail"
    return f"{repository}:{own.get('tag') or PROMTAIL_TAG}"


def _dashboard(values: dict[str, Any], name: str) -> str:
    own = values["global"]["o11y"].get(name, {}).get("image", {})
    return f"{own.get('repository') or _public(name)}:{own.get('tag') or DASHBOARD_TAGS[name]}"


def _hub(values: dict[str, Any]) -> str:
    return str(values["global"].get("hub") or REGISTRY)


def _public(image: str) -> str:
    return f"{REGISTRY}/{MIRRORED_IMAGES}/{image}"
