"""The pack in the real CLI, on stacks of this program and on somebody's own, without a cluster."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.paths import CHECKOUT, Paths
from stacks.settings import NAMESPACE
from tests.live import stand_ins
from tests.live.sites import Config, Site

pytestmark = pytest.mark.pulumi

PACK = CHECKOUT / "policies"

NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}],
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "current-context": "nowhere",
    "users": [{"name": "nobody", "user": {}}],
}
"""A kubeconfig of a cluster that is not there."""


@dataclass(frozen=True)
class Preview:
    """What a preview with the pack said."""

    code: int
    text: str

    def broken(self, level: str) -> set[str]:
        """The rules that are told as broken, with that level."""
        begin = f"- [{level}]"
        lines = [line.strip() for line in self.text.splitlines() if line.strip().startswith(begin)]
        return {line.split("]")[2].split("(")[0].strip() for line in lines}


Look = Callable[..., Preview]


def preview(site: Site, *arguments: str) -> Preview:
    pack = ("--policy-pack", str(PACK), *arguments)
    done = site.try_run("preview", "--non-interactive", "--color=never", f"--stack={site.stack}", *pack)
    return Preview(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Previews a stack of the checkout with the pack, after a change of its settings."""

    def run(stack: str, change: Callable[[Config], None] = lambda _: None, *arguments: str) -> Preview:
        config = stand_ins.config_of(stack)
        if config[f"{NAMESPACE}:gateway"].get("kind") == "higress":
            stand_ins.put_here(config, "models", tmp_path)
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(NOWHERE))
        config[f"{NAMESPACE}:cluster"] = {"kind": "existing", "kubeconfig": str(kubeconfig)}
        change(config)
        folder = tmp_path / "site"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return preview(Site(Paths.from_environment(), folder, stack, config), *arguments)

    return run


def configured(folder: Path, content: Any) -> tuple[str, str]:
    """The arguments by which the pack is configured."""
    file = folder / "policies.json"
    file.write_text(json.dumps(content))
    return "--policy-pack-config", str(file)


def test_prod_keeps_every_rule_and_its_budget(look: Look) -> None:
    config = PACK / "configuration" / "prod.json"
    found = look("prod", lambda _: None, "--policy-pack-config", str(config))
    assert found.code == 0, found.text
    assert (found.broken("mandatory"), found.broken("advisory")) == (set(), set())
    assert "✅ modelyard@v0.1.0" in found.text


def test_a_stack_is_a_production_stack_by_its_base_too(look: Look) -> None:
    def change(config: Config) -> None:
        del config[f"{NAMESPACE}:production"]
        config[f"{NAMESPACE}:extends"] = "production"
        config[f"{NAMESPACE}:gateway"]["networkPolicy"] = False

    found = look("prod", change)
    assert found.code != 0
    assert found.broken("mandatory") == {"network-policy"}


def test_local_is_advised_only(look: Look) -> None:
    found = look("local")
    assert found.code == 0, found.text
    assert found.broken("mandatory") == set()
    assert found.broken("advisory") == {
        "route-auth",
        "route-tls",
        "gateway-availability",
        "pod-security",
        "fallback-elsewhere",
    }


def test_seed_is_advised_only(look: Look) -> None:
    found = look("seed")
    assert found.code == 0, found.text
    assert found.broken("mandatory") == set()
    assert found.broken("advisory") == {"route-auth", "route-tls", "load-balancer-sources", "fallback-elsewhere"}


def test_production_is_held_to_what_others_are_advised_of(look: Look) -> None:
    def change(config: Config) -> None:
        config[f"{NAMESPACE}:production"] = True

    found = look("local", change)
    assert found.code != 0
    assert found.broken("mandatory") == {
        "route-auth",
        "route-tls",
        "gateway-availability",
        "pod-security",
        "fallback-elsewhere",
    }
    assert (
        "Service default/gateway: type NodePort leads to an Envoy that asks nobody who calls, so whoever finds the "
        "address has GPUs for nothing: write consumers with keys (modelyard:gateway.auth.consumers), or type: "
        "ClusterIP"
    ) in found.text


def test_a_waiver_in_a_stack_file(look: Look) -> None:
    def change(config: Config) -> None:
        for model in config[f"{NAMESPACE}:models"]:
            model["annotations"] = {
                f"waive.modelyard.dev/{rule}": "2999-01-01: one machine only, for a try"
                for rule in ("pod-security", "fallback-elsewhere")
            }

    found = look("local", change)
    # The two hold for too long, which is another rule's business.
    assert found.broken("mandatory") == {"waivers"}
    assert found.broken("advisory") == {"route-auth", "route-tls", "gateway-availability"}


def test_levels_and_parameters(look: Look, tmp_path: Path) -> None:
    given = {
        "route-auth": "disabled",
        "route-tls": "mandatory",
        "gpu-budget": {"enforcementLevel": "advisory", "maxGpus": 1},
    }
    found = look("local", lambda _: None, *configured(tmp_path, given))
    assert found.code != 0
    assert found.broken("mandatory") == {"route-tls"}
    assert "gpu-budget" in found.broken("advisory")
    assert "route-auth" not in found.broken("advisory")
    assert (
        "the stack's models may take 2 GPUs (gemma-2-2b 1, qwen2-1-5b 1), and its budget is 1" in found.text
        or "the stack's models may take 2 GPUs (qwen2-1-5b 1, gemma-2-2b 1), and its budget is 1" in found.text
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"gpu-budgets": "advisory"}, "'gpu-budgets': there is no such rule: write 'gpu-budget'"),
        # Pulumi's own words, before the pack has seen anything: the documentation says what they mean.
        ({"gpu-budgets": {"maxGpus": 8}}, 'invalid enforcement level ""'),
        ({"gpu-budget": {"maxGpu": 8}}, "gpu-budget.maxGpu: the rule has no such parameter: write 'maxGpus'"),
        ({"gpu-budget": {"maxGpus": "eight"}}, "maxGpus: Invalid type. Expected: integer, given: string"),
        ({"pod-security": {"profile": "loose"}}, 'profile must be one of the following: "baseline", "restricted"'),
        ({"gpu-budget": "strict"}, '"strict" is not a valid enforcement level'),
    ],
)
def test_a_configuration_that_cannot_work(look: Look, tmp_path: Path, given: Any, sentence: str) -> None:
    found = look("local", lambda _: None, *configured(tmp_path, given))
    assert found.code != 0
    assert sentence in found.text
    assert "Traceback" not in found.text


PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random

key = random.RandomPassword("key", length=40)
cluster = k8s.Provider("cluster", kubeconfig=KUBECONFIG)
labels = {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": "llama", "app.kubernetes.io/part-of": "team"}
container = {
    "name": "vllm",
    "image": "vllm/vllm-openai:latest",
    "args": ["--model", "meta-llama/Llama-3.1-8B-Instruct", "--trust-remote-code"],
    "env": [{"name": "HF_TOKEN", "value": key.result}],
    "ports": [{"containerPort": 8000}],
    "resources": {"limits": {"nvidia.com/gpu": "2"}},
}
k8s.apps.v1.Deployment(
    "llama",
    metadata={"name": "llama", "namespace": "models", "labels": labels},
    spec={
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    },
    opts=pulumi.ResourceOptions(provider=cluster),
)
k8s.core.v1.Service(
    "llama",
    metadata={"name": "llama", "namespace": "models", "labels": labels},
    spec={"type": "LoadBalancer", "selector": labels, "ports": [{"port": 80, "targetPort": 8000}]},
    opts=pulumi.ResourceOptions(provider=cluster),
)
pulumi.export("token", "letmein-letmein")
pulumi.export("key", key.result)
"""


def test_somebodys_own_program(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(NOWHERE))
    folder = tmp_path / "site"
    folder.mkdir()
    site = Site(Paths.from_environment(), folder, "dev", {})
    (folder / "__main__.py").unlink()
    (folder / "__main__.py").write_text(PROGRAM.replace("KUBECONFIG", repr(str(kubeconfig))))
    found = preview(site)
    assert found.code != 0
    assert found.broken("mandatory") == {
        "gpu-parallelism",
        "pinned-images",
        "secret-outputs",
        "trust-remote-code",
        "container-resources",
        "probes",
    }
    assert found.broken("advisory") == {
        "gpu-placement",
        "route-auth",
        "route-tls",
        "load-balancer-sources",
        "network-policy",
        "pod-security",
    }
    assert "Traceback" not in found.text
    # The token's value is not known yet, so nothing is said of it.
    assert "HF_TOKEN" not in found.text
