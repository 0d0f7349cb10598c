"""Kinds of objects that a stack uses and does not bring itself."""

from collections.abc import Iterator

from stacks.cli.doctor.check import Check
from stacks.kubectl import Kubectl, KubectlError
from stacks.parallelism import spanning_models
from stacks.settings import StackSettings

_KEDA = ("scaledobjects.keda.sh", "KEDA", "https://keda.sh/docs/latest/deploy/")
_LWS = (
    "leaderworkersets.leaderworkerset.x-k8s.io",
    "LeaderWorkerSet",
    "https://lws.sigs.k8s.io/docs/installation/, or write `leaderWorkerSet: {install: true}`",
)
_SERVICE_MONITORS = (
    "servicemonitors.monitoring.coreos.com",
    "the Prometheus operator",
    "https://prometheus-operator.dev/docs/getting-started/installation/, or remove the setting that asks for it",
)
_POD_MONITORS = ("podmonitors.monitoring.coreos.com", *_SERVICE_MONITORS[1:])
_PROMETHEUS_RULES = ("prometheusrules.monitoring.coreos.com", *_SERVICE_MONITORS[1:])


def definitions(kubectl: Kubectl, stack: StackSettings) -> Iterator[Check]:
    """One check for each kind that has to be there before an update."""
    wanted = list(dict.fromkeys(_wanted(stack)))
    if not wanted:
        yield Check("definitions", "skipped", "the stack uses no kinds that it does not bring itself")
        return
    for definition, title, where in wanted:
        try:
            found = kubectl.get("customresourcedefinition", definition)
        except KubectlError as error:
            yield Check(f"definition {definition}", "warning", error.problem, error.remedy)
            continue
        if found is None:
            yield Check(
                f"definition {definition}",
                "failed",
                f"the cluster does not know it: {title} is missing",
                f"See {where}.",
            )
        else:
            yield Check(f"definition {definition}", "ok", f"{title} is there")


def _wanted(stack: StackSettings) -> Iterator[tuple[str, str, str]]:
    if any(model.autoscaling and model.autoscaling.kind == "keda" for model in stack.models):
        yield _KEDA
    by_llmaz = any(model.backend == "llmaz" for model in stack.models)
    brought = stack.llmaz.leader_worker_set if by_llmaz else stack.leader_worker_set.install
    if (by_llmaz or spanning_models(stack)) and not brought:
        yield _LWS
    software = stack.gpu_software
    if software.kind != "none" and software.metrics and software.metrics.service_monitor:
        yield _SERVICE_MONITORS
    if stack.gateway.kind == "higress" and stack.higress.metrics:
        yield _POD_MONITORS
    if stack.observability:
        yield _PROMETHEUS_RULES
        if stack.observability.monitors:
            yield _POD_MONITORS
