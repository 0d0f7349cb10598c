"""What a stack file may say, and the sentence that every mistake gets."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.settings import SettingsError, StackSettings, load

SERVING = {"image": "registry.example/serving:1"}
POOL = {"name": "gpu", "gpusPerNode": 2}
QWEN = {"name": "qwen", "source": "hf://Qwen/Qwen2.5-1.5B-Instruct", "pool": "gpu"}
GEMMA = {"name": "gemma", "source": "hf://google/gemma-2-2b-it", "pool": "gpu"}


def stack(**changes: Any) -> dict[str, Any]:
    """A stack of two models that works, with these keys in place of its own."""
    return {"serving": SERVING, "pools": [POOL], "models": [QWEN, GEMMA], **changes}


def one_model(**changes: Any) -> dict[str, Any]:
    """A stack of one model with these settings."""
    return stack(models=[{**QWEN, **changes}])


def one_route(**changes: Any) -> dict[str, Any]:
    """A stack whose one route has these settings."""
    return stack(routes=[{"model": "qwen", **changes}])


def consumers(*given: dict[str, Any]) -> dict[str, Any]:
    """A stack whose gateway knows these consumers."""
    return stack(gateway={"auth": {"consumers": list(given)}})


RULES = {
    "revision of a folder": (
        one_model(source="file:///weights", revision="main"),
        "modelyard:models[0].revision: 'main', but 'file:///weights' has no revisions: leave it out, or name an hf:// "
        "or modelscope:// source",
    ),
    "served name twice": (
        one_model(servedNames=["qwen", "qwen"]),
        "modelyard:models[0].servedNames[1]: 'qwen' stands there already: remove one",
    ),
    "pool twice": (
        stack(pools=[POOL, POOL]),
        "modelyard:pools[1].name: 'gpu' stands at pools[0] already, and names must differ: rename one of them",
    ),
    "consumer twice": (
        consumers({"name": "a", "keys": ["x"]}, {"name": "a", "keys": ["y"]}),
        "modelyard:gateway.auth.consumers[1].name: 'a' stands at gateway.auth.consumers[0] already, and names must "
        "differ: rename one of them",
    ),
    "route twice": (
        stack(routes=[{"model": "qwen"}, {"model": "gemma"}, {"model": "qwen"}]),
        "modelyard:routes[2].model: 'qwen' has a route already, modelyard:routes[0], and a request can take only "
        "one: put what they say into one route",
    ),
    "model named as the gateway": (
        stack(models=[{**QWEN, "name": "gateway"}]),
        "modelyard:models[0].name: 'gateway' makes a Service 'gateway', which modelyard:gateway.name makes too: "
        "rename one of them",
    ),
    "model named as the Service of another": (
        stack(models=[QWEN, {**GEMMA, "name": "qwen-lb"}]),
        "modelyard:models[1].name: 'qwen-lb' makes a Service 'qwen-lb', which modelyard:models[0].name makes too: "
        "rename one of them",
    ),
    "no such pool": (
        one_model(pool="cpu"),
        "modelyard:models[0].pool: 'cpu' is no node pool of this stack: write 'gpu', or add it to modelyard:pools",
    ),
    "no pool at all": (
        {"serving": SERVING, "models": [QWEN]},
        "modelyard:models[0].pool: 'gpu' is no node pool of this stack: add it to modelyard:pools",
    ),
    "more GPUs than the pool has": (
        one_model(gpus=4),
        "modelyard:models[0].gpus: 4 GPUs a replica are 2 nodes of pool 'gpu', which has 2 GPUs a node and maxNodes 1, "
        "so it can never hold one: write 2 or fewer, a larger maxNodes where the pool has more nodes, or name another "
        "pool",
    ),
    "tensor parallel size": (
        one_model(gpus=2, engine={"tensorParallelSize": 4}),
        "modelyard:models[0].engine.tensorParallelSize: 4 times pipelineParallelSize 1 times dataParallelSize 1 is 4 "
        "GPUs, but the replica has 2: make the product equal to gpus, or leave tensorParallelSize out",
    ),
    "pipeline parallel size": (
        one_model(gpus=2, engine={"pipelineParallelSize": 3}),
        "modelyard:models[0].engine.pipelineParallelSize: 3 does not divide the replica's 2 GPUs: write a divisor of "
        "gpus",
    ),
    "replicas and autoscaling": (
        one_model(replicas=2, autoscaling={"maxReplicas": 4}),
        "modelyard:models[0].replicas: 2 together with autoscaling, and each would undo the other: leave replicas "
        "out, and write autoscaling.minReplicas",
    ),
    "autoscaling without room": (
        one_model(autoscaling={"minReplicas": 3, "maxReplicas": 3}),
        "modelyard:models[0].autoscaling.minReplicas: 3 leaves no room below maxReplicas 3: write a smaller one",
    ),
    "route without a model": (
        stack(routes=[{"model": "gpt-4o"}]),
        "modelyard:routes[0].model: 'gpt-4o' is no model of this stack: write 'gemma' or 'qwen', or add it to "
        "modelyard:models, or say in upstreams which models answer for it",
    ),
    "upstream without a model": (
        one_route(upstreams=[{"model": "llama"}]),
        "modelyard:routes[0].upstreams[0].model: 'llama' is no model of this stack: write 'gemma' or 'qwen', or add "
        "it to modelyard:models",
    ),
    "fallback without a model": (
        one_route(fallback=["llama"]),
        "modelyard:routes[0].fallback[0]: 'llama' is no model of this stack, so nothing could answer: write 'gemma' "
        "or 'qwen', or add it to modelyard:models",
    ),
    "fallback to itself": (
        one_route(fallback=["qwen"]),
        "modelyard:routes[0].fallback[0]: 'qwen' is what the route asks first, and when it has failed it cannot "
        "stand in for itself: name another model, or remove it",
    ),
    "fallback in a circle": (
        one_route(fallback=["gemma", "gemma"]),
        "modelyard:routes[0].fallback[1]: 'gemma' stands in the chain already, at fallback[0], so the chain would go "
        "in a circle: remove one of them",
    ),
    "weights": (
        one_route(upstreams=[{"model": "qwen", "weight": 50}, {"model": "gemma", "weight": 40}]),
        "modelyard:routes[0].upstreams: the weights add up to 90, and they are shares of 100: correct them",
    ),
    "upstream twice": (
        one_route(upstreams=[{"model": "qwen", "weight": 50}, {"model": "qwen", "weight": 50}]),
        "modelyard:routes[0].upstreams[1].model: 'qwen' stands at routes[0].upstreams[0] already, and names must "
        "differ: rename one of them",
    ),
    "unknown consumer": (
        {**consumers({"name": "alice", "keys": ["x"]}), "routes": [{"model": "qwen", "consumers": ["bob"]}]},
        "modelyard:routes[0].consumers[0]: 'bob' has no key at the gateway, so nobody could use it: write 'alice', "
        "or add it to modelyard:gateway.auth.consumers",
    ),
    "consumer where there is none": (
        one_route(consumers=["bob"]),
        "modelyard:routes[0].consumers[0]: 'bob' has no key at the gateway, so nobody could use it: add it to "
        "modelyard:gateway.auth.consumers",
    ),
    "empty key": (
        consumers({"name": "a", "keys": [""]}),
        "modelyard:gateway.auth.consumers[0].keys[0]: the key is empty, and anybody could send it: write a long "
        "random one",
    ),
    "key with a line's end": (
        consumers({"name": "a", "keys": ["sk-0123456789\n"]}),
        "modelyard:gateway.auth.consumers[0].keys[0]: the key has a line's end, a space at an end or a character "
        "beyond ASCII, and no header can carry it: write one of letters, digits, '-' and '_' (`printf %s` in place of "
        "`echo` adds no line's end)",
    ),
    "key twice": (
        consumers({"name": "a", "keys": ["k"]}, {"name": "b", "keys": ["k"]}),
        "modelyard:gateway.auth.consumers[1].keys[0]: modelyard:gateway.auth.consumers[0].keys[0] is the same key, "
        "and then nobody can tell who calls: give each its own",
    ),
    "node port without NodePort": (
        stack(gateway={"nodePort": 30080}),
        "modelyard:gateway.nodePort: 30080 with service type 'ClusterIP' has no effect: write serviceType NodePort, "
        "or leave nodePort out",
    ),
    "addresses without a load balancer": (
        stack(gateway={"sourceRanges": ["10.0.0.0/8"]}),
        "modelyard:gateway.sourceRanges: given for service type 'ClusterIP', and only a load balancer has it: write "
        "serviceType LoadBalancer, or leave it out",
    ),
    "addresses of no network": (
        stack(gateway={"serviceType": "LoadBalancer", "sourceRanges": ["300.0.0.0/8"]}),
        "modelyard:gateway.sourceRanges[0]: '300.0.0.0/8' is no address and no range of them: write one such as "
        "203.0.113.7 or 10.0.0.0/8",
    ),
    "variable of the server": (
        one_model(env={"MODELYARD_PORT": "9"}),
        "modelyard:models[0].env.MODELYARD_PORT: variables that begin with MODELYARD_ are written from the model's "
        "other settings, and two answers to one question contradict each other: use engine or extraArgs",
    ),
    "token in the environment": (
        one_model(env={"HF_TOKEN": "hf_x"}),
        "modelyard:models[0].env.HF_TOKEN: it holds a secret, and env is plain in the manifest: set it with "
        "`pulumi config set --secret modelyard:huggingFaceToken`",
    ),
    "key of a bucket in the environment": (
        one_model(env={"AWS_SECRET_ACCESS_KEY": "x"}),
        "modelyard:models[0].env.AWS_SECRET_ACCESS_KEY: it holds a secret, and env is plain in the manifest: name a "
        "Secret with it in weights.objectStore.credentialsSecret",
    ),
    "key of the server in the environment": (
        one_model(env={"VLLM_API_KEY": "x"}),
        "modelyard:models[0].env.VLLM_API_KEY: it holds a secret, and env is plain in the manifest: remove it, for the "
        "gateway calls the pods without a key, and knows the callers itself",
    ),
    "host path twice": (
        stack(
            serving={
                **SERVING,
                "hostPaths": [
                    {"name": "a", "hostPath": "/x", "mountPath": "/opt/a"},
                    {"name": "a", "hostPath": "/y", "mountPath": "/opt/b"},
                ],
            }
        ),
        "modelyard:serving.hostPaths[1].name: 'a' stands at serving.hostPaths[0] already, and names must differ: "
        "rename one of them",
    ),
    "mount path of the container": (
        stack(serving={**SERVING, "hostPaths": [{"name": "a", "hostPath": "/x", "mountPath": "/models/"}]}),
        "modelyard:serving.hostPaths[0].mountPath: '/models/' is taken by every model's container, and a path can "
        "hold one volume only: write another",
    ),
    "source on a mount path": (
        {
            **one_model(source="file:///opt/a"),
            "serving": {**SERVING, "hostPaths": [{"name": "a", "hostPath": "/x", "mountPath": "/opt/a"}]},
        },
        "modelyard:models[0].source: '/opt/a' is the mount path of modelyard:serving.hostPaths[0], and a path can "
        "hold one volume only: move the weights or the other mount",
    ),
}

FIELDS = {
    "missing": (
        stack(models=[{"name": "qwen", "pool": "gpu"}]),
        "modelyard:models[0].source: nothing is given, and there is no default: add it",
    ),
    "unknown": (
        stack(model=[]),
        "modelyard:model: there is no such setting here; stacks/schema.json lists them all: write 'models', or "
        "remove it",
    ),
    "unknown below": (
        one_model(engine={"maxLength": 1}),
        "modelyard:models[0].engine.maxLength: there is no such setting here; stacks/schema.json lists them all: write "
        "'maxModelLen', or remove it",
    ),
    "name in capitals": (
        one_model(name="Qwen"),
        "modelyard:models[0].name: 'Qwen' names Kubernetes objects and must be a DNS label: use lower-case letters, "
        "digits and '-', begin with a letter, and stay within 52 characters",
    ),
    "name with a digit first": (
        stack(pools=[{"name": "2gpu"}], models=[]),
        "modelyard:pools[0].name: '2gpu' names Kubernetes objects and must be a DNS label: use lower-case letters, "
        "digits and '-', begin with a letter, and stay within 52 characters",
    ),
    "name too long": (
        stack(pools=[{"name": "a" * 53}], models=[]),
        f"modelyard:pools[0].name: '{'a' * 53}' names Kubernetes objects and must be a DNS label: use lower-case "
        "letters, digits and '-', begin with a letter, and stay within 52 characters",
    ),
    "source": (
        one_model(source="Qwen/Qwen2.5"),
        "modelyard:models[0].source: 'Qwen/Qwen2.5' is no place that weights are read from: write "
        "hf://<organisation>/<repository>, modelscope://<organisation>/<repository>, pvc://<claim>/<path in it>, "
        "s3://<bucket>/<path in it>, oci://<registry>/<image>:<tag> or file:///<path on the node>, with no '..' in it",
    ),
    "below the least": (
        one_model(gpus=0),
        "modelyard:models[0].gpus: 0 cannot be used: input should be greater than or equal to 1",
    ),
    "no number": (
        one_model(replicas="two"),
        "modelyard:models[0].replicas: 'two' cannot be used: input should be a valid integer, unable to parse string "
        "as an integer",
    ),
    "one of several": (
        one_model(engine={"dtype": "int8"}),
        "modelyard:models[0].engine.dtype: 'int8' cannot be used: input should be 'auto', 'bfloat16', 'float16' or "
        "'float32'",
    ),
    "text for a list": (
        stack(models="qwen"),
        "modelyard:models: 'qwen' stands where a list belongs: write its entries below it, after '-'",
    ),
    "list for a mapping": (
        stack(gateway=[]),
        "modelyard:gateway: a list stands where a mapping belongs: write keys with their values below it",
    ),
    "mapping for a text": (
        one_model(cpu={"cores": 4}),
        "modelyard:models[0].cpu: a mapping stands where a text belongs: write one, in quotes if need be",
    ),
    "secret key of a wrong type": (
        consumers({"name": "a", "keys": "sk-very-secret"}),
        "modelyard:gateway.auth.consumers[0].keys: what is given (not shown: it may be a secret) stands where a list "
        "belongs: write its entries below it, after '-'",
    ),
    "secret key in a wrong place": (
        stack(gateway={"auth": {"consumers": ["sk-very-secret"]}}),
        "modelyard:gateway.auth.consumers[0]: what is given (not shown: it may be a secret) stands where a mapping "
        "belongs: write keys with their values below it",
    ),
    "token of a wrong type": (
        stack(huggingFaceToken=["hf_very_secret"]),
        "modelyard:huggingFaceToken: what is given (not shown: it may be a secret) stands where a text belongs: write "
        "one, in quotes if need be",
    ),
    "secret in place of what holds it": (
        stack(gateway={"kind": "higress", "redis": "very-secret"}),
        "modelyard:gateway.redis: what is given (not shown: it may be a secret) stands where a mapping belongs: write "
        "keys with their values below it",
    ),
    "kubeconfig in place of the cluster": (
        stack(cluster="users: very-secret"),
        "modelyard:cluster: what is given (not shown: it may be a secret) stands where a mapping belongs: write keys "
        "with their values below it",
    ),
    "JSON with a secret and without its end": (
        stack(gateway='{"auth": {"consumers": [{"name": "a", "keys": ["sk-very-secret"]}]}'),
        "modelyard:gateway: a text (not shown: it begins as JSON does, and may hold a secret) stands where a mapping "
        "belongs: write keys with their values below it",
    ),
    "text for a gateway": (
        stack(gateway="higress"),
        "modelyard:gateway: 'higress' stands where a mapping belongs: write keys with their values below it",
    ),
    "list for a dictionary": (
        one_model(env=["A=b"]),
        "modelyard:models[0].env: a list stands where a mapping belongs: write keys with their values below it",
    ),
    "unknown kind of gateway": (
        stack(gateway={"kind": "istio", "domain": "a.b"}),
        "modelyard:gateway.kind: 'istio' is no kind of gateway: write kind: envoy or kind: higress",
    ),
    "kind of gateway that is a mapping": (
        stack(gateway={"kind": {"higress": {}}}),
        "modelyard:gateway.kind: a mapping is no kind of gateway: write kind: envoy or kind: higress",
    ),
    "unknown plugin": (
        stack(gateway={"kind": "higress", "plugins": {"ai-proxi": {}}}),
        "modelyard:gateway.plugins.ai-proxi: 'ai-proxi' cannot be used: input should be 'ai-cache', 'ai-data-masking', "
        "'ai-load-balancer', 'ai-proxy', 'ai-quota', 'ai-security-guard', 'ai-statistics', 'ai-token-ratelimit', "
        "'cors', 'ip-restriction', 'jwt-auth', 'key-auth', 'model-mapper' or 'model-router'",
    ),
    "body that no plugin reads": (
        stack(gateway={"kind": "higress", "bodyLimitMib": 500}),
        "modelyard:gateway.bodyLimitMib: 500 is more than the plugins can read that take the model's name out of a "
        "request: write 100 or less",
    ),
    "setting that no gateway has": (
        stack(gateway={"kind": "higress", "size": 3}),
        "modelyard:gateway.size: there is no such setting here; stacks/schema.json lists them all: correct or "
        "remove it",
    ),
}


def another_kind(name: str, kind: str, other: str) -> str:
    return (
        f"modelyard:gateway.{name}: a gateway of kind '{kind}' has no such setting, and one of kind '{other}' has: "
        f"write kind: {other}, or remove the setting"
    )


OTHER_KINDS = {
    "chart without a kind": ({"chart": {"version": "2.2.4"}}, another_kind("chart", "envoy", "higress")),
    "domain of Envoy": ({"kind": "envoy", "domain": "a.b"}, another_kind("domain", "envoy", "higress")),
    "Redis of Envoy": ({"redis": {}}, another_kind("redis", "envoy", "higress")),
    "service type of Higress": (
        {"kind": "higress", "serviceType": "NodePort"},
        another_kind("serviceType", "higress", "envoy"),
    ),
    "node port of Higress": ({"kind": "higress", "nodePort": 30080}, another_kind("nodePort", "higress", "envoy")),
}


def higress(**gateway: Any) -> dict[str, Any]:
    return stack(gateway={"kind": "higress", **gateway})


NO_ADDRESS = "is no address and no range of them: write one such as 203.0.113.7 or 10.0.0.0/8"
NO_CHART = "is empty or of two lines, and no chart is found by it: write one line, or leave it out"
CONTROL = (
    "has a control character, such as a line break, which no header can carry, and the gateway finds the route by one: "
    "write it without"
)
NO_MIRROR = (
    "is no registry with a folder in it, since images are named by it: write it without a scheme, capitals and a slash "
    "at the end, such as registry.example.com/mirror"
)
NO_BASE_URL = (
    "is no URL that clients can put before /chat/completions: write one that begins with http:// or https:// and ends "
    "in /v1, such as https://llm.example.com/v1"
)
NO_DOMAIN = (
    "is no host name that certificates and name servers know: write one in lower case with a dot in it, without "
    "scheme, port or path, such as llm.example.com"
)
NO_HEADER = (
    "is no name of a request header as HTTP/2 has them: use lower-case letters, digits and '-', and no '-' at the ends"
)
FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "mirror with a scheme": (
        stack(imageMirror="https://r.example.com"),
        f"modelyard:imageMirror: 'https://r.example.com' {NO_MIRROR}",
    ),
    "mirror with a slash behind": (
        stack(imageMirror="r.example.com/m/"),
        f"modelyard:imageMirror: 'r.example.com/m/' {NO_MIRROR}",
    ),
    "URL without v1": (
        stack(gateway={"baseUrl": "https://llm.example.com"}),
        f"modelyard:gateway.baseUrl: 'https://llm.example.com' {NO_BASE_URL}",
    ),
    "URL with a line behind": (
        higress(baseUrl="https://a/v1\n"),
        f"modelyard:gateway.baseUrl: 'https://a/v1\\n' {NO_BASE_URL}",
    ),
    "domain with a scheme": (
        higress(domain="https://a.example.com"),
        f"modelyard:gateway.domain: 'https://a.example.com' {NO_DOMAIN}",
    ),
    "address of words": (
        higress(ipRestriction={"allow": ["office"]}),
        f"modelyard:gateway.ipRestriction.allow[0]: 'office' {NO_ADDRESS}",
    ),
    "memory in words": (
        one_model(memory="16 GB"),
        "modelyard:models[0].memory: '16 GB' is no quantity that Kubernetes knows: write a number with a unit, such as "
        "500m or 16Gi",
    ),
    "CPU in words": (
        one_model(cpu="four"),
        "modelyard:models[0].cpu: 'four' is no number of CPUs that Kubernetes knows: write one such as 4, 0.5 or 500m",
    ),
    "variable with a hyphen": (
        one_model(env={"A-B": "c"}),
        "modelyard:models[0].env.A-B: 'A-B' is no name that a shell takes for a variable: use letters, digits and '_', "
        "and begin with no digit",
    ),
    "path without a root": (
        stack(serving={**SERVING, "hostPaths": [{"name": "a", "hostPath": "x", "mountPath": "/y"}]}),
        "modelyard:serving.hostPaths[0].hostPath: 'x' is no absolute path: write one that begins with '/'",
    ),
    "header in capitals": (
        one_route(headers={"X-Group": "a"}),
        f"modelyard:routes[0].headers.X-Group: 'X-Group' {NO_HEADER}",
    ),
    "header of two lines": (
        one_route(headers={"x-group": "a\nb"}),
        f"modelyard:routes[0].headers.x-group: 'a\\nb' {CONTROL}",
    ),
    "model of two lines": (
        stack(routes=[{"model": "a\nb", "upstreams": [{"model": "qwen"}]}]),
        f"modelyard:routes[0].model: 'a\\nb' {CONTROL}",
    ),
    "model with a null": (
        stack(routes=[{"model": "a\0", "upstreams": [{"model": "qwen"}]}]),
        f"modelyard:routes[0].model: 'a\\x00' {CONTROL}",
    ),
    "no version of a chart": (higress(chart={"version": ""}), f"modelyard:gateway.chart.version: '' {NO_CHART}"),
    "no source of llmaz": (stack(llmaz={"chart": {"source": ""}}), f"modelyard:llmaz.chart.source: '' {NO_CHART}"),
    "digest that is short": (
        higress(plugins={"ai-proxy": {"digest": "sha256:abc"}}),
        "modelyard:gateway.plugins.ai-proxy.digest: 'sha256:abc' is no digest of an image: write sha256: and the 64 "
        "digits behind it",
    ),
    "plugin without a scheme": (
        higress(plugins={"ai-proxy": {"url": "r.example.com/ai-proxy:1"}}),
        "modelyard:gateway.plugins.ai-proxy.url: 'r.example.com/ai-proxy:1' is no address that a plugin is loaded "
        "from: write one that begins with oci://, https://, http:// or file://",
    ),
    "quota's path without a root": (
        higress(auth={"quota": {"adminConsumer": "a", "adminPath": "quota"}}),
        "modelyard:gateway.auth.quota.adminPath: what is given (not shown: it may be a secret) is no path: write one "
        "that begins with '/', such as /quota",
    ),
    "token's header with a blank": (
        higress(auth={"consumers": [{"name": "a", "jwt": {"issuer": "i", "jwks": "{}", "header": "my token"}}]}),
        "modelyard:gateway.auth.consumers[0].jwt.header: what is given (not shown: it may be a secret) is no name of a "
        "request header: use letters, digits and '-', and begin with no '-'",
    ),
}


def problems(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(raw)
    return caught.value.problems


@pytest.mark.parametrize(("raw", "sentence"), RULES.values(), ids=RULES.keys())
def test_every_rule_says_what_is_wrong(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


@pytest.mark.parametrize(("raw", "sentence"), FIELDS.values(), ids=FIELDS.keys())
def test_every_kind_of_field_error_says_what_is_wrong(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


@pytest.mark.parametrize(("gateway", "sentence"), OTHER_KINDS.values(), ids=OTHER_KINDS.keys())
def test_a_setting_of_another_kind_of_gateway_names_the_kind(gateway: dict[str, Any], sentence: str) -> None:
    assert problems(stack(gateway=gateway)) == [sentence]


@pytest.mark.parametrize(("raw", "sentence"), FORMS.values(), ids=FORMS.keys())
def test_every_form_of_a_text_says_what_to_write(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_no_setting_is_refused_by_a_pattern_alone() -> None:
    assert not [*with_a_bare_pattern(StackSettings.__pydantic_core_schema__)]


def with_a_bare_pattern(node: Any) -> Iterator[Any]:
    """The parts of a schema whose error would print a regular expression."""
    if isinstance(node, dict):
        if node.get("type") == "str" and "pattern" in node:
            yield node
        node = [value for key, value in node.items() if key != "metadata"]
    if isinstance(node, list | tuple):
        for part in node:
            yield from with_a_bare_pattern(part)


def test_a_model_name_twice_is_named_by_the_list_and_by_its_services() -> None:
    assert problems(stack(models=[QWEN, QWEN])) == [
        "modelyard:models[1].name: 'qwen' stands at models[0] already, and names must differ: rename one of them",
        "modelyard:models[1].name: 'qwen' makes a Service 'qwen', which modelyard:models[0].name makes too: rename "
        "one of them",
        "modelyard:models[1].name: 'qwen' makes a Service 'qwen-lb', which modelyard:models[0].name makes too: rename "
        "one of them",
    ]


def test_all_problems_are_told_at_once() -> None:
    found = problems(stack(models=[{**QWEN, "gpus": 0}, {**GEMMA, "port": 1}], route=[]))
    assert [sentence.partition(": ")[0] for sentence in found] == [
        "modelyard:models[0].gpus",
        "modelyard:models[1].port",
        "modelyard:route",
    ]


def test_the_error_is_one_line_a_problem() -> None:
    with pytest.raises(SettingsError) as caught:
        load(stack(routes=[{"model": "a"}, {"model": "b"}]))
    assert str(caught.value).splitlines() == caught.value.problems
    assert len(caught.value.problems) == 2


def test_a_stack_works_with_what_has_no_default() -> None:
    settings = load(stack())
    assert [model.names for model in settings.models] == [("qwen",), ("gemma",)]
    assert [route.model for route in settings.all_routes] == ["qwen", "gemma"]
    assert settings.all_routes[0].targets[0].model_dump() == {"model": "qwen", "adapter": None, "weight": 100}
    assert settings.model("gemma").pool == "gpu"


def test_an_empty_stack_works() -> None:
    assert load({}) == StackSettings()


@pytest.mark.parametrize(
    ("cluster", "path"),
    [
        ({"kind": "embedded"}, "/var/lib/modelyard/kubeconfig"),
        ({"kind": "embedded", "kubeconfig": "/etc/k"}, "/etc/k"),
        ({"kind": "existing"}, None),
        ({"kind": "existing", "kubeconfig": "/etc/k"}, "/etc/k"),
    ],
)
def test_the_embedded_cluster_has_a_kubeconfig_of_its_own(cluster: dict[str, str], path: str | None) -> None:
    assert load({"cluster": cluster}).cluster.kubeconfig_path == path


@pytest.mark.parametrize(
    ("scale", "replicas"), [({}, 1), ({"replicas": 0}, 0), ({"autoscaling": {"maxReplicas": 2}}, None)]
)
def test_replicas_are_one_unless_somebody_says_otherwise(scale: dict[str, Any], replicas: int | None) -> None:
    assert load(one_model(**scale)).models[0].first_replicas == replicas


def test_secrets_are_not_printed_with_the_settings() -> None:
    raw = {**consumers({"name": "a", "keys": ["sk-secret"]}), "huggingFaceToken": "hf_secret"}
    shown = repr(load(raw))
    assert "sk-secret" not in shown
    assert "hf_secret" not in shown


SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-2, 40) | st.floats() | st.text(max_size=6)
NAMES = st.sampled_from(["qwen", "gemma", "gpu", "gateway", "qwen-lb", "No", ""])


def keys_of(model: type[Any]) -> st.SearchStrategy[str]:
    return st.sampled_from([field.alias for field in model.model_fields.values()])


def anything() -> st.SearchStrategy[Any]:
    """Values as a stack file may hold them: keys and names that exist as well as those that don't."""
    known = sorted(all_keys(StackSettings))
    keys = st.sampled_from(known) | st.text(max_size=4)
    return st.recursive(
        SCALARS | NAMES,
        lambda children: st.lists(children, max_size=3) | st.dictionaries(keys, children, max_size=4),
        max_leaves=12,
    )


def all_keys(model: Any) -> Iterator[str]:
    for definition in [*model.model_json_schema()["$defs"].values(), model.model_json_schema()]:
        yield from definition.get("properties", {})


@given(st.dictionaries(keys_of(StackSettings) | st.text(max_size=4), anything(), max_size=4))
def test_nothing_but_settings_errors_comes_of_any_file(raw: dict[str, Any]) -> None:
    found = problems_or_none(raw)
    assert all(line.startswith("modelyard:") and ": " in line for line in found)
    assert len("\n".join(found).splitlines()) == len(found)


def problems_or_none(raw: dict[str, Any]) -> list[str]:
    try:
        load(raw)
    except SettingsError as error:
        return error.problems or ["an error without a problem"]
    return []


def model_entries() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"name": NAMES, "source": st.sampled_from([QWEN["source"], "file:///m", "pvc://c/p", "s3://b"]), "pool": NAMES},
        optional={
            "replicas": st.integers(-1, 3),
            "gpus": st.integers(0, 4),
            "autoscaling": st.fixed_dictionaries({"maxReplicas": st.integers(1, 4)}),
        },
    )


def route_entries() -> st.SearchStrategy[dict[str, Any]]:
    upstream = st.fixed_dictionaries({"model": NAMES, "weight": st.sampled_from([0, 40, 60, 100])})
    return st.fixed_dictionaries(
        {"model": NAMES},
        optional={"upstreams": st.lists(upstream, max_size=2), "fallback": st.lists(NAMES, max_size=3)},
    )


@given(st.lists(model_entries(), max_size=3), st.lists(route_entries(), max_size=3))
def test_a_stack_that_loads_has_no_loose_ends(models: list[dict[str, Any]], routes: list[dict[str, Any]]) -> None:
    try:
        settings = load({"pools": [POOL], "models": models, "routes": routes})
    except SettingsError:
        return
    names = {model.name for model in settings.models}
    assert len(names) == len(models)
    assert all(model.pool == "gpu" and model.gpus <= 2 for model in settings.models)
    for route in settings.all_routes:
        asked = [target.model for target in route.targets]
        assert {*asked, *route.fallback} <= names
        assert len({*asked, *route.fallback}) == len(asked) + len(route.fallback)
        assert sum(target.weight for target in route.targets) == 100
