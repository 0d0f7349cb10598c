"""fit and artifacts, by a stack file alone."""

import json

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
