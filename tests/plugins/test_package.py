"""The components as a Pulumi package: the real engine starts the plugin for the program of another project."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.paths import CHECKOUT
from tests.plugins.checkout import checkout_in
from tests.plugins.conftest import Cli

pytestmark = pytest.mark.pulumi

PROGRAM = """
import pulumi


class Remote(pulumi.ComponentResource):
    def __init__(self, kind, name, inputs, outputs, opts=None):
        super().__init__("modelyard:index:" + kind, name, inputs | dict.fromkeys(outputs), opts, remote=True)


config = pulumi.Config()
PROGRAM
"""
PLATFORM = """
platform = Remote(
    "Platform",
    "llm",
    {
        "cluster": {"namespace": "models"},
        "pools": [{"name": "gpu", "gpusPerNode": 2}],
        "models": [
            {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"},
            {"name": "gemma", "source": "file:///gemma", "pool": "gpu"},
        ],
        "routes": [{"model": "qwen", "fallback": ["gemma"]}],
        "huggingFaceToken": config.require_secret("token"),
    },
    ["baseUrl", "modelUrls"],
)
pulumi.export("url", platform.baseUrl)
pulumi.export("models", platform.modelUrls)
"""
PARTS = """
from pulumi_kubernetes import Provider

cluster = Provider("mine", context="mine")
model = Remote(
    "ModelService",
    "chat",
    {"model": {"name": "qwen", "source": "file:///qwen"}, "pool": {"name": "gpu", "nodeSelector": {"gpu": "l4"}}},
    ["baseUrl", "servedNames"],
    pulumi.ResourceOptions(providers={"kubernetes": cluster}),
)
gateway = Remote(
    "Gateway",
    "edge",
    {"models": [{"name": "qwen"}, {"name": "theirs"}], "routes": [{"model": "qwen", "fallback": ["theirs"]}]},
    ["baseUrl"],
)
pulumi.export("model", model.baseUrl)
pulumi.export("gateway", gateway.baseUrl)
"""
WRONG = """
Remote("Platform", "llm", {"models": [{"name": "qwen", "gpus": 0, "source": "file:///q"}], "extends": "base"}, [])
"""
WRONG_MODEL = """
Remote("ModelService", "m", {"model": {"name": "Qwen", "source": "file:///q"}, "pool": {"name": "gpu"}}, [])
"""


def program(text: str) -> str:
    return PROGRAM.replace("PROGRAM", text)


@pytest.fixture
def other(cli: Cli) -> Cli:
    """The CLI in a project of somebody else's, which names the package."""
    there = checkout_in(cli, Path(sys.prefix), ("kubernetes", "random"))
    file = there.project / "Pulumi.yaml"
    project = yaml.safe_load(file.read_text())
    project["plugins"] = {"providers": [{"name": "modelyard", "path": str(CHECKOUT / "components")}]}
    file.write_text(yaml.safe_dump({**project, "name": "theirs"}))
    there.run("stack", "init", "theirs")
    return there


def previewed(cli: Cli) -> dict[str, Any]:
    """What a preview says would be made, by its name."""
    printed = cli.run("preview", "--json")
    states = [step["newState"] for step in json.loads(printed[printed.index("{") :])["steps"]]
    return {state["urn"].rpartition("::")[2]: state for state in states}


def outputs(cli: Cli) -> list[str]:
    """The lines in which a preview shows the stack's outputs, without what lines them up."""
    shown = cli.run("preview").partition("Outputs:\n")[2].partition("\n\n")[0]
    return [" ".join(line.split()) for line in shown.splitlines()]


def test_the_engine_gets_the_schema_from_the_plugin(cli: Cli) -> None:
    printed = cli.run("package", "get-schema", str(CHECKOUT / "components"))
    schema = json.loads(printed[printed.index("{") :])
    assert list(schema["resources"]) == [
        "modelyard:index:Gateway",
        "modelyard:index:ModelService",
        "modelyard:index:Platform",
    ]
    file = cli.project / "schema.json"
    file.write_text(json.dumps(schema))
    assert "warning" not in cli.run("schema", "check", str(file)).lower()


def test_a_platform_in_a_program_of_somebody_elses(other: Cli) -> None:
    other.run("config", "set", "--secret", "token", "hf_abc")
    other.write(program(PLATFORM))
    assert outputs(other) == [
        "models: {",
        'gemma: "http://gemma-lb.models.svc.cluster.local:8080/v1"',
        'qwen : "http://qwen-lb.models.svc.cluster.local:8080/v1"',
        "}",
        'url : "http://gateway.models.svc.cluster.local:8080/v1"',
    ]
    made = previewed(other)
    assert made["llm-qwen-replicas"]["inputs"]["metadata"]["namespace"] == "models"
    assert made["llm-qwen-replicas"]["parent"].endswith("Platform$modelyard:index:NativeModelService::llm-qwen")
    assert made["llm-modelhub"]["inputs"]["data"] == "[secret]"
    assert made["llm-cluster"]["type"] == "pulumi:providers:kubernetes"


def test_parts_of_a_platform_on_a_cluster_that_the_program_names(other: Cli) -> None:
    other.write(program(PARTS))
    assert outputs(other) == [
        'gateway: "http://gateway.default.svc.cluster.local:8080/v1"',
        'model : "http://qwen-lb.default.svc.cluster.local:8080/v1"',
    ]
    made = previewed(other)
    assert made["chat-qwen-replicas"]["inputs"]["spec"]["template"]["spec"]["nodeSelector"] == {"gpu": "l4"}
    assert "::mine::" in made["chat-qwen-replicas"]["provider"]
    assert "chat-cluster" not in made
    assert "::edge-cluster::" in made["edge-gateway-deployment"]["provider"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            WRONG,
            [
                "property extends with value '{base}' has a problem: given to a component, and it is of stack files "
                "only: leave it out"
            ],
        ),
        (
            WRONG_MODEL,
            ["property model.name with value '{Qwen}' has a problem: 'Qwen' names Kubernetes objects and must be"],
        ),
    ],
)
def test_inputs_that_cannot_work_are_told_by_their_places(other: Cli, text: str, sentences: list[str]) -> None:
    other.write(program(text))
    printed = other.run("preview", code=1)
    assert [sentence for sentence in sentences if sentence not in printed] == [], printed
    assert "Traceback" not in printed
