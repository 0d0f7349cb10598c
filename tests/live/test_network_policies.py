"""Who reaches the models' pods and who doesn't, tried by pods, where the network enforces policies."""

import json
from collections.abc import Iterator

import pytest

from components.manifests import envoy
from components.manifests.envoy_gateway import gateway_labels
from components.manifests.network_policies import PROMETHEUS
from components.manifests.objects import Manifest
from components.manifests.workload_pod import PORT
from local import enforcement
from local.extras import prepare_enforcement
from local.kubectl import kubectl
from local.paths import Paths
from local.stack import local_settings
from tests.live.conftest import MODELS, Quiet, pod

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

HERE, ELSEWHERE = "default", "elsewhere"
CALLERS = {"neighbour": HERE, "stranger": ELSEWHERE, "prometheus": ELSEWHERE, "no-gateway": ELSEWHERE}
"""The pods that try, with their namespaces. The gateway's own tries too."""

CLOSED = PORT + 1
"""A port of the models' pods at which nothing listens: who gets there is refused, and who doesn't waits in vain."""

TRY = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def tried(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "lost"
    return "taken"

targets = sys.argv[1:]
with ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(dict(zip(targets, pool.map(tried, targets)))))
"""

ASK = """
import json, sys, urllib.request

body = {"model": sys.argv[2], "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
asked = urllib.request.Request(sys.argv[1], json.dumps(body).encode(), {"content-type": "application/json"})
with urllib.request.urlopen(asked, timeout=120) as answer:
    print(answer.headers["x-modelyard-served-by"])
"""


@pytest.fixture
def callers(stack: Paths) -> Iterator[dict[str, tuple[str, str]]]:
    """How kubectl names each pod that tries, while nothing is enforced."""
    prepare_enforcement(stack, Quiet())
    # What a test that was killed has left.
    enforcement.stop(stack)
    elsewhere = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}})
    pods = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_pod(name) for name in CALLERS]})
    named = {name: (f"--namespace={namespace}", f"pod/{name}") for name, namespace in CALLERS.items()}
    try:
        kubectl(stack, "apply", "--filename=-", stdin=elsewhere)
        kubectl(stack, "wait", f"--namespace={ELSEWHERE}", "serviceaccount/default", "--for=create")
        kubectl(stack, "apply", "--filename=-", stdin=pods)
        for name in named.values():
            kubectl(stack, "wait", *name, "--for=condition=Ready", "--timeout=120s")
        yield named | {"gateway": (f"--namespace={HERE}", f"deployment/{local_settings().envoy.name}")}
    finally:
        enforcement.stop(stack)
        kubectl(stack, "delete", "--ignore-not-found", "--filename=-", stdin=pods)
        kubectl(stack, "delete", "--ignore-not-found", "--filename=-", stdin=elsewhere)


def test_models_are_reached_by_whom_the_policies_let_in_and_by_nobody_else(
    stack: Paths, callers: dict[str, tuple[str, str]]
) -> None:
    addresses = [pod(stack, f"{model}-0")["status"]["podIP"] for model in MODELS]
    models = [*(f"{model}-lb.{HERE}:{PORT}" for model in MODELS), *(f"{address}:{PORT}" for address in addresses)]
    closed = [f"{address}:{CLOSED}" for address in addresses]
    gateway = f"{local_settings().envoy.name}.{HERE}:{envoy.POD.port}"
    all_of_it = dict.fromkeys(models, "taken") | dict.fromkeys(closed, "refused") | {gateway: "taken"}
    let_in = all_of_it | dict.fromkeys(closed, "lost")
    kept_out = let_in | dict.fromkeys(models, "lost")

    def run(caller: str, program: str, *arguments: str) -> str:
        return kubectl(stack, "exec", *callers[caller], "--", "python3", "-c", program, *arguments)

    def tried() -> dict[str, dict[str, str]]:
        return {caller: json.loads(run(caller, TRY, *all_of_it)) for caller in callers}

    assert tried() == dict.fromkeys(callers, all_of_it)
    enforcement.start(stack, lambda _: None)
    assert tried() == {
        "gateway": let_in,
        "neighbour": let_in,
        "prometheus": let_in,
        "stranger": kept_out,
        "no-gateway": kept_out,
    }
    # A stranger has answers of the models by the gateway alone.
    for model in MODELS:
        assert run("stranger", ASK, f"http://{gateway}/v1/chat/completions", model).strip() == model
    enforcement.stop(stack)
    assert tried() == dict.fromkeys(callers, all_of_it)


def _pod(name: str) -> Manifest:
    settings = local_settings()
    labels = {"prometheus": PROMETHEUS, "no-gateway": gateway_labels(settings)}
    container = {
        "name": "tries",
        "image": settings.envoy.image,
        "imagePullPolicy": "Never",
        "command": ["sleep", "infinity"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": CALLERS[name], "labels": labels.get(name, {})},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
