"""The components in a program in YAML, which Pulumi's own language host runs."""

from typing import Any

import pytest
import yaml

from local.extras import prepare_pulumi_yaml
from local.paths import CHECKOUT, Paths
from local.toolchain import YAML_HOST
from tests.live.conftest import Quiet
from tests.plugins.conftest import Cli
from tests.plugins.test_package import other, outputs, previewed

__all__ = ["other"]

pytestmark = pytest.mark.pulumi

PLATFORM: dict[str, Any] = {
    "cluster": {"namespace": "models"},
    "pools": [{"name": "gpu", "gpusPerNode": 2}],
    "models": [
        {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"},
        {"name": "gemma", "source": "file:///gemma", "pool": "gpu"},
    ],
    "routes": [{"model": "qwen", "fallback": ["gemma"]}],
    "huggingFaceToken": "${token}",
}


@pytest.fixture
def theirs(other: Cli) -> Cli:
    """The CLI in a project in YAML, with a token as a secret."""
    paths = Paths.from_environment()
    prepare_pulumi_yaml(paths, Quiet())
    host = other.program.parent / YAML_HOST
    if not host.exists():
        host.symlink_to(paths.bin / YAML_HOST)
    other.run("config", "set", "--secret", "token", "hf_abc")
    return other


def write(cli: Cli, properties: dict[str, Any]) -> None:
    """Make a platform with these properties the program."""
    project = {
        "name": "theirs",
        "runtime": "yaml",
        "stackConfigDir": "stacks",
        "plugins": {"providers": [{"name": "modelyard", "path": str(CHECKOUT / "components")}]},
        "config": {"token": {"type": "string", "secret": True}},
        "resources": {"llm": {"type": "modelyard:Platform", "properties": properties}},
        "outputs": {"url": "${llm.baseUrl}", "qwen": '${llm.modelUrls["qwen"]}'},
    }
    (cli.project / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")


def test_a_platform(theirs: Cli) -> None:
    write(theirs, PLATFORM)
    assert outputs(theirs) == [
        'qwen: "http://qwen-lb.models.svc.cluster.local:8080/v1"',
        'url : "http://gateway.models.svc.cluster.local:8080/v1"',
    ]
    made = previewed(theirs)
    assert made["llm-qwen-replicas"]["inputs"]["metadata"]["namespace"] == "models"
    assert made["llm-qwen-replicas"]["parent"].endswith("Platform$modelyard:index:NativeModelService::llm-qwen")
    assert made["llm-modelhub"]["inputs"]["data"] == "[secret]"


def test_a_property_that_there_is_not_is_told_with_those_that_there_are(theirs: Cli) -> None:
    write(theirs, {**PLATFORM, "modles": []})
    printed = theirs.run("preview", code=1)
    assert "Property modles does not exist on 'modelyard:index:Platform'" in printed
    assert "Existing properties are: models, pools, routes" in printed


def test_a_value_that_cannot_work_is_told_by_its_place(theirs: Cli) -> None:
    write(theirs, {**PLATFORM, "models": [{**PLATFORM["models"][0], "gpus": 0}]})
    printed = theirs.run("preview", code=1)
    assert "property models[0].gpus with value '{0}' has a problem: " in printed
    assert "Traceback" not in printed
