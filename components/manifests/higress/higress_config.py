"""The key ``higress`` of the ConfigMap ``higress-config``: what the controller does to all listeners and clusters.

The chart writes it once. On an upgrade it lays the new values *under* those that it finds, so a
changed value has no effect. The program writes the text itself, after the release.
"""

from typing import Any

import yaml

from components.manifests.helm import merged
from components.manifests.higress import names
from components.manifests.higress.chart import CORE, chart_values
from components.manifests.objects import Manifest
from stacks.settings import StackSettings

CHART_DEFAULTS: dict[str, Any] = {
    "downstream": {
        "idleTimeout": 180,
        "maxRequestHeadersKb": 60,
        "connectionBufferLimits": 32768,
        "http2": {
            "maxConcurrentStreams": 100,
            "initialStreamWindowSize": 65535,
            "initialConnectionWindowSize": 1048576,
        },
        "routeTimeout": 0,
    },
    "upstream": {"idleTimeout": 10, "connectionBufferLimits": 10485760},
    "gzip": {
        "enable": True,
        "minContentLength": 1024,
        # No text/event-stream: a stream that is compressed arrives in blocks.
        "contentType": [
            "text/html",
            "text/css",
            "text/plain",
            "text/xml",
            "application/json",
            "application/javascript",
            "application/xhtml+xml",
            "image/svg+xml",
        ],
        "disableOnEtagHeader": True,
        "memoryLevel": 5,
        "windowBits": 12,
        "chunkSize": 4096,
        "compressionLevel": "BEST_COMPRESSION",
        "compressionStrategy": "DEFAULT_STRATEGY",
    },
    "tracing": {"enable": False, "sampling": 100, "timeout": 500},
}
"""What the chart's own values say, version 2.2.4."""


def higress_config_patch(stack: StackSettings) -> Manifest:
    """The part of the ConfigMap that the program writes."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "higress-config",
            "namespace": stack.higress.namespace,
            # Helm has written the field before.
            "annotations": {**names.TAKE_BACK},
        },
        "data": {"higress": higress_config(stack)},
    }


def higress_config(stack: StackSettings) -> str:
    """The text, to the letter as the chart would write it into a new ConfigMap.

    To the letter, since the chart reads it on its next upgrade and writes it again.
    """
    values = merged({CORE: CHART_DEFAULTS}, chart_values(stack))[CORE]
    found = {name: values[name] for name in CHART_DEFAULTS if name != "tracing" or values[name]["enable"]}
    return yaml.dump(found, Dumper=_ChartDumper, allow_unicode=True, width=2**16).removesuffix("\n")


class _ChartDumper(yaml.SafeDumper):
    """Writes YAML as Helm's ``toYaml`` does."""


def _text(dumper: _ChartDumper, value: str) -> yaml.ScalarNode:
    tag = "tag:yaml.org,2002:str"
    is_plain = dumper.resolve(yaml.ScalarNode, value, (True, False)) == tag  # type: ignore[no-untyped-call]
    return dumper.represent_scalar(tag, value, style=None if is_plain else '"')


_ChartDumper.add_representer(str, _text)
