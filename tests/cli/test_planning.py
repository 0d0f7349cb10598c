"""fit and artifacts, by a stack file alone."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from stacks import automation, stack_file
from stacks.automation import running
from stacks.cli.exits import ExitCode
from tests.cli.conftest import Stacks, run

POOL = {"name": "gpu", "gpuModel": "NVIDIA-L4", "gpusPerNode": 4}


def write(stacks: Stacks, **engine: object) -> None:
    model = {"name": "m", "source": "hf://Qwen/Qwen3-8B", "pool": "gpu", "engine": engine}
    stacks.write(pools=[POOL], models=[model], routes=[])


def test_models_that_fit(stacks: Stacks) -> None:
    write(stacks, maxModelLen=8192)
    shown = run("fit")
    assert shown.exit_code == ExitCode.OK
    assert shown.stdout == (
        "MODEL  GPUS           WEIGHTS  OTHER  KV CACHE     LONGEST CONTEXT  AT A TIME  VERDICT  LIST USD/H\n"
        "m      1 x NVIDIA-L4  15.3     2.1    2.9 of 20.3  8192 of 8192     2.5        fits     0.80\n"
    )


def test_a_model_that_does_not_fit_is_shown_all_the_same(stacks: Stacks) -> None:
    write(stacks)
    shown = run("fit")
    assert shown.exit_code == ExitCode.FAILED
    assert "does not fit" in shown.stdout
    assert shown.stderr.startswith("modelyard:models[0]: 23.0 GiB are needed")


def test_fit_for_programs(stacks: Stacks) -> None:
    write(stacks)
    found = json.loads(run("fit", "--json").stdout)
    assert found.keys() == {"stack", "models", "problems"}
    assert [problem.partition(":")[0] for problem in found["problems"]] == ["modelyard"]
    (model,) = found["models"]
    assert (model["model"], model["fits"], model["longest"], model["max_model_len"]) == ("m", False, 20736, 40960)


def test_what_is_pulled(stacks: Stacks) -> None:
    stacks.write(gateway={"image": "r.example/envoy:1"}, models=[], routes=[], serving=None)
    assert run("artifacts").stdout == (
        "KIND   NAME   VERSION  SOURCE             MIRROR\nimage  envoy  1        r.example/envoy:1  -\n"
    )
    assert json.loads(run("artifacts", "--json").stdout) == {
        "stack": "mine",
        "artifacts": [
            {"kind": "image", "name": "envoy", "version": "1", "source": "r.example/envoy:1", "mirror": None}
        ],
    }


ELSEWHERE: list[dict[str, Any]] = [
    {"cluster": {"stackReference": "org/infrastructure/prod"}},
    {"gateway": {"secure": "v1:abc:def"}},
]


@pytest.mark.parametrize("command", ["fit", "artifacts", "models"])
@pytest.mark.parametrize("said", ELSEWHERE)
def test_what_no_file_says_is_asked_of_pulumi(
    stacks: Stacks, monkeypatch: pytest.MonkeyPatch, command: str, said: Mapping[str, Any]
) -> None:
    stacks.write("known", gateway={"image": "r.example/envoy:1"})
    known, asked = stack_file.read_named("known", fit={"check": "warn"}), []

    def readable(stack: str, options: automation.Options) -> Any:
        asked.append((stack, dict(options.settings)))
        return known

    monkeypatch.setattr(running, "readable_settings", readable)
    stacks.write(**said)
    shown = run(command)
    assert shown.exit_code == ExitCode.OK, shown.output
    assert "qwen" in shown.stdout
    assert asked == [("mine", {"fit": {"check": "warn"}} if command == "fit" else {})]


@pytest.mark.parametrize(
    ("said", "unknown"),
    [
        (ELSEWHERE[0], "the outputs of 'org/infrastructure/prod'"),
        (ELSEWHERE[1], "modelyard:gateway, which is encrypted as a whole"),
    ],
)
def test_what_pulumi_cannot_say_either(
    stacks: Stacks, monkeypatch: pytest.MonkeyPatch, said: Mapping[str, Any], unknown: str
) -> None:
    def refused(stack: str, options: automation.Options) -> Any:
        raise automation.PassphraseError("The secrets cannot be read.", "Set PULUMI_CONFIG_PASSPHRASE.")

    monkeypatch.setattr(running, "readable_settings", refused)
    stacks.write(**said)
    shown = run("fit")
    assert shown.exit_code == ExitCode.CREDENTIALS
    assert shown.stderr == (
        f"Pulumi alone knows {unknown}, and it cannot be asked: The secrets cannot be read.\n"
        "Set PULUMI_CONFIG_PASSPHRASE.\n"
    )
