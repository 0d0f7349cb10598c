"""``__main__.py`` as Pulumi runs it."""

import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.manifests import envoy_gateway
from stacks import layers
from tests.components.conftest import Program, Run
from tests.components.stacks import GEMMA, QWEN

SHARED = [{"model": "qwen", "weight": 90}, {"model": "gemma", "weight": 10}]

MAIN = Path(__file__).parents[2] / "__main__.py"


@pytest.fixture
def main(run: Run, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the program with this configuration."""

    return lambda **keys: run_main(run, monkeypatch, keys)


def run_main(run: Run, monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any], *, preview: bool = False) -> Program:
    config = {f"modelyard:{key}": json.dumps(value) for key, value in keys.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
    pulumi.runtime.set_all_config(config)
    return run(lambda: runpy.run_path(str(MAIN), run_name="__main__"), preview=preview)


def test_the_outputs_of_a_stack(main: Any) -> None:
    routes = [{"model": "qwen", "fallback": ["gemma"]}, {"model": "chat", "upstreams": SHARED}]
    pools, quiet = [{"name": "gpu"}], {"enabled": False}
    program = main(serving={"image": "i"}, pools=pools, models=[QWEN, GEMMA], routes=routes, verify=quiet)
    assert program.outputs["modelyard-test"] == {
        "base_url": "http://gateway.default.svc.cluster.local:8080/v1",
        "models": {
            "qwen": "http://qwen-lb.default.svc.cluster.local:8080/v1",
            "gemma": "http://gemma-lb.default.svc.cluster.local:8080/v1",
        },
        "routes": {
            "qwen": {"upstreams": {"qwen": 100}, "fallback": ["gemma"]},
            "chat": {"upstreams": {"qwen": 90, "gemma": 10}, "fallback": []},
        },
    }


def test_what_was_promoted_is_an_output_for_the_next_update(main: Any) -> None:
    moved = [{"model": "qwen", "weight": 0}, {"model": "gemma", "weight": 100}]
    program = main(
        serving={"image": "i"},
        pools=[{"name": "gpu"}],
        models=[QWEN, GEMMA],
        routes=[{"model": "chat", "upstreams": SHARED}],
        promotions=[{"route": "chat", "upstreams": moved}],
    )
    outputs = program.outputs["modelyard-test"]
    assert outputs["routes"]["chat"]["upstreams"] == {"qwen": 0, "gemma": 100}
    assert outputs["promotions"] == [{"route": "chat", "headers": {}, "upstreams": moved, "insteadOf": SHARED}]


def test_mistakes_end_the_program_with_their_sentences_and_no_stack_trace(main: Any) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        main(models=[{**QWEN, "gpus": 0}], modles=[])
    assert str(caught.value).splitlines() == [
        "This stack cannot work as it is written:",
        "modelyard:models[0].gpus: 0 cannot be used: input should be greater than or equal to 1",
        "modelyard:modles: there is no such setting here; stacks/schema.json lists them all: write 'models', or "
        "remove it",
    ]
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("extends", ["base", ["base"], ["other", "base"]])
def test_bases_are_laid_under_the_configuration_that_pulumi_gives(
    main: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extends: Any
) -> None:
    monkeypatch.setattr(layers, "BASES", tmp_path)
    base = {"config": {"modelyard:pools": [{"name": "gpu"}], "modelyard:models": [QWEN, GEMMA]}}
    (tmp_path / "base.yaml").write_text(json.dumps(base))
    (tmp_path / "other.yaml").write_text(json.dumps({"config": {"modelyard:models": [{**QWEN, "replicas": 9}]}}))
    program = main(extends=extends, models=[{"name": "gemma", "replicas": 2}], cluster={"namespace": "own"})
    replicas = [program.named(f"platform-{name}-replicas").inputs for name in ("qwen", "gemma")]
    assert [found["metadata"]["namespace"] for found in replicas] == ["own", "own"]
    assert replicas[1]["spec"]["replicas"] == 2
    assert (replicas[0]["spec"]["replicas"] == 9) == ("other" in extends)
    with pytest.raises(pulumi.RunError, match=r"\nPulumi.test.yaml, modelyard:models\[0\].replicas: -1 cannot"):
        main(extends=extends, models=[{"name": "gemma", "replicas": -1}])


def test_a_configuration_that_no_config_map_holds_ends_the_program_with_its_sentence(
    main: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envoy_gateway, "CONFIG_MAP_LIMIT_BYTES", 100)
    with pytest.raises(pulumi.RunError, match=r"bytes of gateway configuration, and a ConfigMap holds 100: spread"):
        main(serving={"image": "i"}, pools=[{"name": "gpu"}], models=[QWEN])


def test_the_program_is_short() -> None:
    assert len(MAIN.read_text().splitlines()) <= 60


def test_a_kubeconfig_that_is_not_there_is_said_at_once(main: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_, **__: said.append(text))
    main(cluster={"kubeconfig": "/nowhere"})
    assert said[0] == (
        "No cluster is asked, and an update could not reach it: modelyard:cluster.kubeconfig: there is no file "
        "/nowhere. Write the path of one that is there, or remove the setting: then KUBECONFIG counts."
    )
