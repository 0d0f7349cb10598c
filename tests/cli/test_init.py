"""A stack file out of a few answers."""

import json
from itertools import product

import pytest
import yaml

from stacks import stack_file
from stacks.cli.exits import ExitCode
from stacks.cli.new_stack.answers import Answers, GatewayKind, Weights
from stacks.cli.new_stack.text import names
from tests.cli.conftest import Stacks, run
from tests.policies.conftest import rendered
from tests.policies.test_stacks import broken

__all__ = ["rendered"]

QWEN = "hf://Qwen/Qwen3-8B@b968826d9c46dd6066d109eabc6255188de91218"
PHI = "hf://microsoft/Phi-4-mini-instruct@cfbefacb99257ffa30c83adab238a50856ac3083"
TWO = ["--model", QWEN, "--model", PHI]
L4 = ["--gpu-model", "NVIDIA-L4", "--gpus-per-node", "2", "--nodes", "2"]


def test_a_stack_with_nobody_asked(stacks: Stacks) -> None:
    shown = run("init", "new", "--model", "Qwen/Qwen3-8B", *L4, "--namespace", "llm", "--context", "staging")
    assert shown.exit_code == ExitCode.OK
    assert "modelyard up --stack new" in shown.stdout
    assert yaml.safe_load((stacks.folder / "Pulumi.new.yaml").read_text()) == {
        "config": {
            "modelyard:cluster": {"kind": "existing", "context": "staging", "namespace": "llm"},
            "modelyard:pools": [
                {
                    "name": "gpu",
                    "gpuModel": "NVIDIA-L4",
                    "gpusPerNode": 2,
                    "minNodes": 2,
                    "maxNodes": 2,
                    "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
                }
            ],
            "modelyard:models": [
                {
                    "name": "qwen3-8b",
                    "source": "hf://Qwen/Qwen3-8B",
                    "pool": "gpu",
                    "gpus": 1,
                    "cpu": "4",
                    "memory": "32Gi",
                    # What one L4 holds of its 40,960 tokens.
                    "engine": {"maxModelLen": 16384},
                }
            ],
            "modelyard:gateway": {"kind": "envoy"},
            "modelyard:routes": [{"model": "qwen3-8b"}],
        }
    }


@pytest.mark.parametrize(("gateway", "production"), list(product(["envoy", "higress"], [True, False])))
def test_what_is_written_passes_every_rule_and_every_mandatory_policy(
    stacks: Stacks, gateway: GatewayKind, production: bool, request: pytest.FixtureRequest
) -> None:
    people = "--production" if production else "--no-production"
    zones = ["--zone", "eu-1a", "--zone", "eu-1b"] if production else []
    shown = run("init", "new", *TWO, *L4, "--gateway", gateway, people, *zones, "--json")
    assert json.loads(shown.stdout) == {"stack": "new", "file": str(stacks.folder / "Pulumi.new.yaml")}
    stack = stack_file.read_named("new")
    assert stack.production == production
    assert [(route.model, route.fallback) for route in stack.routes] == [
        ("qwen3-8b", ("phi-4-mini-instruct",)),
        ("phi-4-mini-instruct", ("qwen3-8b",)),
    ]
    broken_rules = broken(stack, request.getfixturevalue("rendered")(stack))
    assert {rule for rule, (level, _) in broken_rules.items() if level == "mandatory"} == set()


def test_a_model_gets_as_many_gpus_as_it_needs(stacks: Stacks) -> None:
    pool = ["--gpu-model", "NVIDIA-H100-80GB-HBM3", "--gpus-per-node", "8"]
    run("init", "new", "--model", "Qwen/Qwen2.5-72B-Instruct", "--model", "Qwen/Qwen3-8B", *pool)
    first, second = stack_file.read_named("new").models
    assert (first.gpus, first.engine.max_model_len) == (2, 8192)
    assert (second.gpus, second.engine.max_model_len) == (1, None)


def test_a_file_that_is_there_is_left_as_it_is(mine: Stacks) -> None:
    before = (mine.folder / "Pulumi.mine.yaml").read_text()
    shown = run("init", "mine", *TWO, *L4)
    assert shown.exit_code == ExitCode.FAILED
    assert shown.stderr.startswith("There is a stack file Pulumi.mine.yaml already, and it is left as it is.\n")
    assert (mine.folder / "Pulumi.mine.yaml").read_text() == before


@pytest.mark.parametrize("name", ["../mine", "a/b", "", " ", "-x", "a\n"])
def test_names_that_no_stack_can_have(stacks: Stacks, name: str) -> None:
    shown = run("init", *TWO, *L4, "--", name)
    assert shown.exit_code == ExitCode.USAGE
    assert list(stacks.folder.iterdir()) == []


def test_what_nobody_says(stacks: Stacks) -> None:
    shown = run("init", "new", "--gpu-model", "NVIDIA-L4")
    assert shown.exit_code == ExitCode.USAGE
    assert "there is nobody here to ask, and nothing else says it: write --model" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "no source", *L4], "modelyard:models[0].source: 'hf://no source' is no place"),
        (["--model", "Qwen/Qwen3-8B", *L4, "--production"], "modelyard:models[0].revision: nothing is given"),
        (["--model", "Qwen/Qwen3-8B", "--gpu-model", "Tesla-T4"], "modelyard:models[0]"),
        (["--model", "Qwen/Qwen3-8B", *L4, "--namespace", "No"], "modelyard:cluster.namespace: 'No'"),
    ],
)
def test_answers_that_make_no_stack(stacks: Stacks, arguments: list[str], said: str) -> None:
    shown = run("init", "new", *arguments)
    assert shown.exit_code == ExitCode.SETTINGS
    assert said in shown.stderr
    assert "Nothing was written: give other answers." in shown.stderr
    assert list(stacks.folder.iterdir()) == []


def test_production_with_everything_in_one_zone(stacks: Stacks) -> None:
    shown = run("init", "new", *TWO, *L4, "--production", "--zone", "eu-1a")
    assert shown.exit_code == ExitCode.SETTINGS
    assert "All nodes are in one zone" in shown.stderr
    assert list(stacks.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "source", "revision", "name"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", "hf://Qwen/Qwen2.5-1.5B-Instruct", None, "qwen2-5-1-5b-instruct"),
        ("hf://org/Name@v1", "hf://org/Name", "v1", "name"),
        ("modelscope://org/name@abc", "modelscope://org/name", "abc", "name"),
        ("oci://registry/image:1@sha256:00", "oci://registry/image:1@sha256:00", None, "image"),
        ("pvc://claim/folder/", "pvc://claim/folder/", None, "folder"),
        ("org/7B", "hf://org/7B", None, "model-7b"),
        ("org/" + "a" * 80, "hf://org/" + "a" * 80, None, "a" * 52),
    ],
)
def test_weights_as_people_name_them(text: str, source: str, revision: str | None, name: str) -> None:
    weights = Weights.parse(text)
    assert (weights.source, weights.revision, weights.model_name) == (source, revision, name)


def test_models_of_the_same_name_get_numbers() -> None:
    weights = tuple(map(Weights.parse, ("a/m", "b/m", "c/m")))
    answers = Answers("new", None, "models", "NVIDIA-L4", 1, 1, (), weights, "envoy", production=False)
    assert names(answers) == ["m", "m-2", "m-3"]
