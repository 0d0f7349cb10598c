"""Objects that are in the cluster before the stack."""

from typing import Any

import pytest

from components.platform import Platform
from stacks.settings import SettingsError
from stacks.warnings.adoption import adoption_warnings
from tests.components.conftest import Program, Run
from tests.components.stacks import stack

HIGRESS = {"kind": "higress"}


def deploy(run: Run, *adopt: dict[str, str], **changes: Any) -> Program:
    settings = stack(adopt=list(adopt), **changes)
    return run(lambda: Platform("platform", settings))


def imported(program: Program) -> dict[str, str]:
    """The identifiers that resources are imported by, by their names."""
    return {found.name: found.request.importId for found in program.resources if found.request.importId}


def test_an_object_is_imported_by_its_identifier_and_left_as_it_is(run: Run) -> None:
    program = deploy(run, {"kind": "StatefulSet", "name": "qwen"}, {"kind": "Service", "name": "qwen-lb"})
    assert imported(program) == {
        "platform-qwen-replicas": "default/qwen",
        "platform-qwen-lb-service": "default/qwen-lb",
    }
    assert list(program.named("platform-qwen-replicas").request.ignoreChanges) == ["*"]
    assert list(program.named("platform-gemma-replicas").request.ignoreChanges) == []


def test_a_model_that_surges_is_a_deployment(run: Run) -> None:
    model = {"name": "qwen", "source": "file:///q", "pool": "gpu", "rollout": {"strategy": "surge"}}
    program = deploy(run, {"kind": "Deployment", "name": "qwen"}, models=[model])
    assert imported(program) == {"platform-qwen-replicas": "default/qwen"}


def test_higress_comes_with_its_release_and_its_definitions(run: Run) -> None:
    program = deploy(
        run,
        {"kind": "Release", "name": "higress", "namespace": "higress-system"},
        {"kind": "Namespace", "name": "higress-system"},
        {"kind": "CustomResourceDefinition", "name": "wasmplugins.extensions.higress.io"},
        {"kind": "Secret", "name": "higress-console", "namespace": "higress-system"},
        gateway=HIGRESS,
    )
    assert imported(program) == {
        "platform-gateway-higress-chart": "higress-system/higress",
        "platform-gateway-higress-namespace": "higress-system",
        "platform-gateway-higress-wasmplugins": "wasmplugins.extensions.higress.io",
        "platform-gateway-higress-console": "higress-system/higress-console",
    }


def test_an_autoscaled_model_keeps_what_it_ignores_already(run: Run) -> None:
    model = {"name": "qwen", "source": "file:///q", "pool": "gpu", "autoscaling": {"maxReplicas": 2}}
    program = deploy(run, {"kind": "StatefulSet", "name": "qwen"}, models=[model])
    assert list(program.named("platform-qwen-replicas").request.ignoreChanges) == ["spec.replicas", "*"]


def test_services_that_were_taken_over_keep_the_address_that_the_cluster_chose(run: Run) -> None:
    program = deploy(run)
    chosen = {name: list(program.named(name).request.ignoreChanges) for name in ("platform-qwen-lb-service",)}
    assert chosen == {"platform-qwen-lb-service": ["spec.clusterIP", "spec.clusterIPs"]}
    assert list(program.named("platform-qwen-service").request.ignoreChanges) == []


def test_nothing_is_imported_where_nothing_is_adopted(run: Run) -> None:
    assert imported(deploy(run)) == {}


@pytest.mark.parametrize(
    ("adopt", "sentence"),
    [
        (
            {"kind": "StatefulSet", "name": "gwen"},
            "modelyard:adopt[0]: StatefulSet 'gwen' in default is nothing that this stack makes, so it could not take "
            "it over: write one of gemma in default, qwen in default",
        ),
        (
            {"kind": "Deployment", "name": "qwen", "namespace": "other"},
            "modelyard:adopt[0]: Deployment 'qwen' in other is nothing that this stack makes, so it could not take it "
            "over: write one of gateway in default",
        ),
        (
            {"kind": "Release", "name": "higress", "namespace": "higress-system"},
            "modelyard:adopt[0]: Release 'higress' in higress-system is nothing that this stack makes, so it could not "
            "take it over: remove it",
        ),
    ],
)
def test_what_the_stack_does_not_make_is_refused(run: Run, adopt: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        deploy(run, adopt)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("adopt", "sentence"),
    [
        (
            [{"kind": "Service", "name": "qwen"}, {"kind": "Service", "name": "qwen", "namespace": "default"}],
            "modelyard:adopt[1]: Service 'qwen' stands at adopt[0] already, and it can be taken over once: remove one "
            "of them",
        ),
        (
            [{"kind": "service", "name": "qwen"}],
            "modelyard:adopt[0].kind: 'service' is no kind of Kubernetes: write one as objects have it, such as "
            "Deployment, or Release for a Helm release",
        ),
        (
            [{"kind": "Service", "name": "a/b"}],
            "modelyard:adopt[0].name: 'a/b' is no name that Kubernetes gives to objects: use lower-case letters, "
            "digits, '-' and '.'",
        ),
    ],
)
def test_what_cannot_be_adopted(adopt: list[dict[str, str]], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        stack(adopt=adopt)
    assert str(caught.value) == sentence


def test_a_preview_says_that_settings_do_not_count_meanwhile() -> None:
    assert list(adoption_warnings(stack(adopt=[{"kind": "StatefulSet", "name": "qwen"}]))) == [
        "modelyard:adopt: StatefulSet qwen: taken over as they are, and nothing that this stack says reaches them: "
        "once they are, remove them here, and the next preview shows what it would change"
    ]
