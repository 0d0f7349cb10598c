"""Rules about how many replicas a model has, and how they are replaced."""

from typing import Any

import pytest

from stacks.settings import SettingsError, load

PROMETHEUS = {"url": "http://prometheus:9090"}
COLD = {"kind": "keda", "minReplicas": 0, "maxReplicas": 1}


def problems(*models: dict[str, Any], **stack: Any) -> list[str]:
    spelled = [{"source": "hf://a/b", "pool": "gpu", **model} for model in models]
    pools = [{"name": "gpu", "gpusPerNode": 4, "maxNodes": 2, "nodeSelector": {"pool": "gpu"}}]
    try:
        load({"pools": pools, "models": spelled, "prometheus": PROMETHEUS, **stack})
    except SettingsError as error:
        return str(error).splitlines()
    return []


def cold(name: str = "qwen", **scaling: Any) -> dict[str, Any]:
    return {"name": name, "autoscaling": {**COLD, **scaling}}


WARM = {"name": "gemma"}
ROUTES = [{"model": "qwen", "fallback": ["gemma"]}, {"model": "gemma"}]


def test_a_model_that_may_go_to_zero_with_a_warm_fallback_is_fine() -> None:
    assert problems(cold(), WARM, routes=ROUTES) == []
    assert problems(cold(idleSeconds=2100), WARM, routes=ROUTES) == []


@pytest.mark.parametrize(
    ("scaling", "sentence"),
    [
        (
            {"kind": "hpa", "minReplicas": 0, "maxReplicas": 2},
            "modelyard:models[0].autoscaling.minReplicas: 0 with kind 'hpa', whose autoscaler starts nothing once "
            "there is no replica to measure: write kind: keda, or minReplicas: 1",
        ),
        (
            {"maxReplicas": 2, "targetTtftSeconds": 1.5},
            "modelyard:models[0].autoscaling.targetTtftSeconds: 1.5 with kind 'hpa', to which a metrics adapter gives "
            "counts of pods and no quantiles: write kind: keda, or leave it out",
        ),
        (
            {"kind": "keda", "maxReplicas": 2, "idleSeconds": 600},
            "modelyard:models[0].autoscaling.idleSeconds: 600 with minReplicas 1, so the last replica never goes: "
            "write minReplicas: 0, or leave it out",
        ),
        (
            {**COLD, "idleSeconds": 600},
            "modelyard:models[0].autoscaling.idleSeconds: 600, but a start may take 2100 seconds with its node and "
            "image, so a replica that one request has woken could go before it has started: write 2100 or more, leave "
            "it out, or write a smaller probes.startupSeconds",
        ),
        (
            {"minReplicas": 3, "maxReplicas": 3},
            "modelyard:models[0].autoscaling.minReplicas: 3 leaves no room below maxReplicas 3: write a smaller one",
        ),
    ],
)
def test_scaling_that_cannot_work(scaling: dict[str, Any], sentence: str) -> None:
    assert problems({"name": "qwen", "autoscaling": scaling}, WARM, routes=ROUTES) == [sentence]


def test_keda_needs_a_prometheus() -> None:
    scaling = {"kind": "keda", "maxReplicas": 2}
    assert problems({"name": "qwen", "autoscaling": scaling}, prometheus=None) == [
        "modelyard:models[0].autoscaling.kind: 'keda', which asks a Prometheus, and the stack names none: write "
        "modelyard:prometheus with its url, or kind: hpa"
    ]


@pytest.mark.parametrize("url", ["prometheus:9090", "http://prometheus:9090/", "http://"])
def test_an_address_of_a_prometheus_is_a_url(url: str) -> None:
    (sentence,) = problems(prometheus={"url": url})
    assert sentence == (
        f"modelyard:prometheus.url: {url!r} is no address of a Prometheus: write one that begins with http:// or "
        "https:// and has no '/' at its end, such as http://prometheus-operated.monitoring.svc:9090"
    )


def test_a_cold_model_without_routes_has_nobody_to_stand_in() -> None:
    assert problems(cold(), WARM) == [
        "modelyard:models[0].autoscaling.minReplicas: 0, and without modelyard:routes no other model answers while "
        "'qwen' starts: add routes, with a fallback for 'qwen' that always has a replica, or write minReplicas: 1"
    ]


def test_a_cold_model_that_no_route_reaches_is_never_woken() -> None:
    assert problems(cold(), WARM, routes=[{"model": "gemma"}]) == [
        "modelyard:models[0].autoscaling.minReplicas: 0, but no route reaches 'qwen', so once it has no replica "
        "nothing would ever start one: add a route to it, or write minReplicas: 1"
    ]


def refusal(place: str, name: str, chosen: str = "") -> str:
    return (
        f"modelyard:{place}: {name!r} may have no replica (autoscaling.minReplicas 0), and no model behind it in the "
        "chain always has one, so requests would fail while it starts: add a fallback that never goes to zero"
        f"{chosen}, or write minReplicas: 1 for {name!r}"
    )


def test_every_route_to_a_cold_model_has_a_warm_fallback() -> None:
    routes = [{"model": "qwen"}, {"model": "chat", "upstreams": [{"model": "qwen"}], "fallback": ["gemma"]}]
    assert problems(cold(), WARM, routes=routes) == [refusal("routes[0].fallback", "qwen", ", such as 'gemma'")]


def test_a_cold_model_is_no_fallback_of_another_cold_one() -> None:
    routes = [{"model": "qwen", "fallback": ["phi"]}]
    assert problems(cold(), cold("phi"), routes=routes) == [
        refusal("routes[0].fallback", "qwen"),
        refusal("routes[0].fallback[0]", "phi"),
    ]


def test_a_cold_fallback_needs_a_later_warm_one() -> None:
    first = [{"model": "gemma", "fallback": ["qwen"]}, {"model": "qwen", "fallback": ["gemma"]}]
    assert problems(cold(), WARM, routes=first) == [refusal("routes[0].fallback[0]", "qwen")]
    later = [{"model": "gemma", "fallback": ["qwen", "phi"]}, {"model": "qwen", "fallback": ["gemma"]}]
    assert problems(cold(), WARM, {"name": "phi"}, routes=later) == []


def test_a_model_without_replicas_is_not_warm() -> None:
    found = problems(cold(), {**WARM, "replicas": 0}, routes=ROUTES)
    assert found == [refusal("routes[0].fallback", "qwen")]


def test_a_surge_with_room_is_fine() -> None:
    assert problems({"name": "qwen", "gpus": 4, "rollout": {"strategy": "surge"}}) == []


def test_a_surge_without_room_is_refused() -> None:
    surging = {"name": "qwen", "gpus": 4, "rollout": {"strategy": "surge"}}
    spread = {"name": "gemma", "gpus": 2, "replicas": 1}
    assert problems(surging, spread) == [
        "modelyard:models[0].rollout.strategy: 'surge' starts a replica of 4 GPUs beside the old ones, but pool 'gpu' "
        "has 8 GPUs (maxNodes 2 times gpusPerNode 4), and beside the 6 that its models may ask for (qwen for 4 and "
        "gemma for 2) its nodes have room for none, so an update would never finish: write strategy: in_place, a "
        "larger maxNodes, or fewer replicas"
    ]


def test_a_surge_counts_the_most_replicas_that_an_autoscaler_may_want() -> None:
    model = {"name": "qwen", "rollout": {"strategy": "surge"}}
    assert problems({**model, "autoscaling": {"maxReplicas": 7}}) == []
    (sentence,) = problems({**model, "autoscaling": {"maxReplicas": 8}})
    assert "room for none" in sentence


def test_a_larger_surge_goes_on_as_old_replicas_make_room() -> None:
    model = {"name": "qwen", "rollout": {"strategy": "surge", "maxSurge": 3}}
    assert problems({**model, "replicas": 7}) == []
    assert len(problems({**model, "replicas": 8})) == 1


def test_a_model_without_replicas_needs_no_room_for_a_surge() -> None:
    full = {"name": "gemma", "replicas": 8}
    assert problems({"name": "qwen", "replicas": 0, "rollout": {"strategy": "surge"}}, full) == []


def test_llmaz_has_no_surge() -> None:
    assert problems({"name": "qwen", "backend": "llmaz", "rollout": {"strategy": "surge"}}) == [
        "modelyard:models[0].rollout.strategy: 'surge' with backend 'llmaz', which replaces pods in place: write "
        "strategy: in_place, or backend: native"
    ]


def test_max_surge_is_for_a_surge() -> None:
    assert problems({"name": "qwen", "rollout": {"maxSurge": 2}}) == [
        "modelyard:models[0].rollout.maxSurge: 2 with strategy 'in_place', which starts nothing beside the old "
        "replicas: write strategy: surge, or leave maxSurge out"
    ]


def test_labels_by_which_pods_are_found_are_not_to_be_changed() -> None:
    serving = {"podLabels": {"app.kubernetes.io/name": "mine"}}
    assert problems(serving=serving) == [
        "modelyard:serving.podLabels: 'app.kubernetes.io/name' is 'mine', but Services and budgets find the pods by "
        "labels of that beginning: write another key, such as example.com/team"
    ]


def test_labels_are_what_kubernetes_takes() -> None:
    assert problems(serving={"podLabels": {"team": "no blanks"}}) == [
        "modelyard:serving.podLabels.team: 'no blanks' is nothing that Kubernetes takes for a label: use up to 63 "
        "letters, digits, '-', '_' and '.', and begin and end with a letter or a digit"
    ]
    (sentence,) = problems(serving={"podAnnotations": {"-note": "x"}})
    assert "'-note' is no key that Kubernetes takes for a label or an annotation" in sentence
