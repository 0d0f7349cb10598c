"""Counters that a verification must move: vLLM's own of tokens, and the Envoy gateway's of requests."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import httpx

from components.manifests import envoy
from components.manifests.envoy.names import EDGE
from components.manifests.envoy_gateway import gateway_selector
from components.manifests.workload_pod import PORT
from stacks.kubectl import Kubectl, KubectlError
from stacks.settings import StackSettings
from stacks.verify.pods import ready_pods
from stacks.verify.report import NO_TIME

PROMPT_TOKENS, ANSWER_TOKENS = "vllm:prompt_tokens_total", "vllm:generation_tokens_total"
"""vLLM's counters of tokens: https://docs.vllm.ai/en/latest/usage/metrics.html"""
REQUESTS = f'envoy_http_downstream_rq_total{{envoy_http_conn_manager_prefix="{EDGE}"}}'
"""Envoy's counter of the requests of clients."""

READ_SECONDS = 10.0
"""How long a pod may take to show its counters."""


@dataclass(frozen=True)
class Reading:
    """What counters stood at, or why that is not known."""

    pods: Mapping[str, Mapping[str, float]]
    """The counts of each pod, by the counter's name."""
    unknown: str | None = None
    """Why the counters could not be read. None: they were."""

    def moved(self, before: "Reading", counter: str) -> float:
        """By how much a counter has moved since another reading. A pod that was not there then began at 0."""
        return sum(counts[counter] - before.pods.get(pod, {}).get(counter, 0.0) for pod, counts in self.pods.items())


def of_model(kubectl: Kubectl, model: str, namespace: str, deadline: float) -> Reading:
    """The token counters of a model's ready pods, read until ``deadline`` by the monotonic clock."""
    wanted = (PROMPT_TOKENS, ANSWER_TOKENS)
    return _read(kubectl, lambda: ready_pods(kubectl, model, namespace), namespace, PORT, "/metrics", wanted, deadline)


def of_gateway(kubectl: Kubectl, stack: StackSettings, deadline: float) -> Reading:
    """The counter of clients' requests of the Envoy gateway's pods, read until ``deadline`` by the monotonic clock."""
    selector = ",".join(f"{key}={value}" for key, value in gateway_selector(stack).items())
    namespace = stack.cluster.namespace

    def pods() -> list[str]:
        metadata = [pod["metadata"] for pod in kubectl.find("pods", selector=selector, namespace=namespace)]
        # One that stops takes no requests any more, and would be gone at the next reading.
        return [str(one["name"]) for one in metadata if "deletionTimestamp" not in one]

    return _read(kubectl, pods, namespace, envoy.POD.metrics_port, "/stats/prometheus", (REQUESTS,), deadline)


def counted(text: str, wanted: Iterable[str]) -> dict[str, float]:
    """Counters in Prometheus's text format, each the sum of its series.

    Args:
        text: what a pod shows.
        wanted: names of counters, or such with the labels that count.
    """
    sums = dict.fromkeys(wanted, 0.0)
    for line in text.splitlines():
        for name in sums:
            if line.startswith(name) and (found := re.fullmatch(r"(\{[^}]*\})? (\S+)( \d+)?", line[len(name) :])):
                sums[name] += float(found[2])
    return sums


def _read(
    kubectl: Kubectl,
    find: Callable[[], list[str]],
    namespace: str,
    port: int,
    path: str,
    wanted: Iterable[str],
    deadline: float,
) -> Reading:
    late = Reading({}, NO_TIME)
    if time.monotonic() >= deadline:
        return late
    shown = {}
    try:
        for pod in find():
            if time.monotonic() >= deadline:
                return late
            with kubectl.port_forward(f"pod/{pod}", port, namespace=namespace) as url:
                if (left := deadline - time.monotonic()) <= 0:
                    return late
                answer = httpx.get(url + path, timeout=min(READ_SECONDS, left), trust_env=False).raise_for_status()
            shown[pod] = counted(answer.text, wanted)
    except KubectlError as error:
        return Reading({}, error.problem)
    except httpx.HTTPError as error:
        if time.monotonic() >= deadline:
            return late
        return Reading({}, f"{pod} did not show its counters ({error or type(error).__name__})")
    return Reading(shown) if shown else Reading({}, "there is no ready pod whose counters could be read")
