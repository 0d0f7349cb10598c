"""A stack that extends a base, changed by `pulumi config set` as any other: the real CLI."""

import sys
from pathlib import Path

import pytest

from tests.plugins.checkout import checkout_in, init, planned
from tests.plugins.conftest import Cli

pytestmark = pytest.mark.pulumi

CONFIG = {
    "modelyard:extends": "production",
    "modelyard:pools": [
        {"name": name, "gpuModel": "NVIDIA-L4", "gpuMemoryGib": 24, "gpusPerNode": 4, "maxNodes": 3}
        for name in ("gpu", "reserve")
    ],
    "modelyard:gateway": {
        "domain": "llm.example.com",
        "auth": {"consumers": [{"name": "web", "jwt": None}]},
    },
}


def test_config_set_changes_what_the_base_says(cli: Cli) -> None:
    checkout = checkout_in(cli, Path(sys.prefix), ("kubernetes", "random"))
    init(checkout, "mine", CONFIG)
    for path, value in (
        ("modelyard:models[0].name", "qwen3-8b"),
        ("modelyard:models[0].replicas", "3"),
        ("modelyard:gateway.drainSeconds", "120"),
    ):
        checkout.run("config", "set", "--path", path, value)
    key = "0123456789abcdef0123456789abcdef"
    checkout.run("config", "set", "--secret", "--path", "modelyard:gateway.auth.consumers[0].keys[0]", key)
    file = (checkout.project / "stacks" / "Pulumi.mine.yaml").read_text()
    assert key not in file

    made = planned(checkout)
    assert made["platform-qwen3-8b-replicas"]["spec"]["replicas"] == 3
    assert made["platform-phi-4-mini-replicas"]["spec"]["replicas"] == 2
    assert "platform-gateway-higress-chart" in made

    checkout.run("config", "set", "--path", "modelyard:models[0].gpus", "0")
    assert "Pulumi.mine.yaml, modelyard:models[0].gpus: 0 cannot be used" in checkout.run("preview", code=1)
