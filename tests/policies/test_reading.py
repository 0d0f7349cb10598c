"""What rules read out of objects: vLLM's command line, hosts, nodes, numbers, secrets."""

from typing import Any

import pytest

from policies.pack.kubernetes.engines import engines_of
from policies.pack.kubernetes.pods import pods_of
from policies.pack.kubernetes.workloads import are_apart, place_of
from policies.pack.routing.route import split
from policies.pack.values import amount
from policies.rules.secrets import is_secret_name, shape_of
from tests.policies.builders import model


def engine(**container: Any) -> Any:
    base = {"image": "registry.example.com/serving:1", "args": None}
    (pod,) = pods_of(model(container={**base, **container}))
    found = engines_of(pod.containers[0])
    return found[0] if found else None


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["vllm", "serve", "o/m", "--tensor-parallel-size", "2"]},
        {"command": ["/opt/venv/bin/vllm", "serve", "o/m"], "args": ["-tp", "2"]},
        {"command": ["python3", "-m", "vllm.entrypoints.openai.api_server", "--tensor_parallel_size=2"]},
        {"command": ["sh", "-c", "exec vllm serve o/m --tensor-parallel-size 2 --port 8000"]},
        {"command": ["sh", "-c", "exec vllm serve o/m --tensor-parallel-size 2; echo ended"]},
        {"command": ["bash", "-ec", "pip install vllm && vllm serve o/m -tp 2 2>&1 | tee /tmp/log"]},
        {"command": ["sh", "-c", "# vllm serve o/m -tp 4\nvllm serve o/m \\\n  -tp 2 # as many as GPUs\nsleep 1"]},
        {"command": ["sh", "-c", 'vllm serve "$@"', "sh"], "args": ["o/m", "-tp", "2"]},
        {"args": ["vllm serve o/m -tp 2"]},
        {"command": ["/bin/bash", "-c", "--"], "args": ["vllm serve o/m -tp 2"]},
        {"command": ["vllm", "run-batch", "--model", "o/m", "-tp", "2"]},
        {"image": "vllm/vllm-openai:v0.32.0", "args": ["--model", "o/m", "--tensor-parallel-size", "2"]},
        {
            "command": ["python3", "-m", "serving"],
            "env": [
                {"name": "MODELYARD_MODEL", "value": "o/m"},
                {"name": "MODELYARD_TENSOR_PARALLEL_SIZE", "value": "2"},
            ],
        },
    ],
)
def test_vllm_is_known_by_its_command_line(container: dict[str, Any]) -> None:
    assert engine(**container).count("tensor_parallel_size") == 2


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["nginx", "-g", "daemon off;"]},
        {"command": ["python3", "-m", "http.server"]},
        {"image": "vllm/vllm-openai:v0.32.0", "command": ["sleep", "infinity"]},
        {"command": ["pip", "install", "vllm"]},
        {"command": ["vllm", "bench", "serve", "--model", "o/m"]},
    ],
)
def test_other_programs_are_none(container: dict[str, Any]) -> None:
    assert engine(**container) is None


def test_a_script_may_run_several() -> None:
    script = "vllm serve a -tp 2 --port 8000 &\nvllm serve b -tp 4 --port 8001 & wait"
    (pod,) = pods_of(model(container={"command": ["sh", "-c", script]}))
    assert [each.count("tensor_parallel_size") for each in engines_of(pod.containers[0])] == [2, 4]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("qwen.models.svc.cluster.local", ("qwen", "models")),
        ("qwen.models.svc", ("qwen", "models")),
        ("qwen.models.svc.cluster.local.", ("qwen", "models")),
        ("api.example.com", ("api.example.com", None)),
        ("192.0.2.7", ("192.0.2.7", None)),
        ("llm-qwen.internal.dns", ("llm-qwen.internal.dns", None)),
        ("", ("", None)),
    ],
)
def test_hosts_of_services(host: str, found: tuple[str, str | None]) -> None:
    assert split(host) == found


def required(*terms: dict[str, list[str]]) -> dict[str, Any]:
    chosen = [
        {"matchExpressions": [{"key": key, "operator": "In", "values": values} for key, values in term.items()]}
        for term in terms
    ]
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": chosen}}
    return {"affinity": {"nodeAffinity": affinity}}


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ({}, {}, False),
        ({"nodeSelector": {"zone": "a"}}, {}, False),
        ({"nodeSelector": {"zone": "a"}}, {"nodeSelector": {"zone": "b"}}, True),
        ({"nodeSelector": {"zone": "a"}}, {"nodeSelector": {"gpu": "L4"}}, False),
        (required({"zone": ["a", "b"]}), {"nodeSelector": {"zone": "b"}}, False),
        (required({"zone": ["a"]}, {"zone": ["c"]}), required({"zone": ["b"]}), True),
        (required({"zone": ["a"]}, {"gpu": ["L4"]}), required({"zone": ["b"]}), False),
    ],
)
def test_which_pods_can_never_share_a_node(one: dict[str, Any], other: dict[str, Any], apart: bool) -> None:
    assert are_apart(place_of(one), place_of(other)) is apart
    assert are_apart(place_of(other), place_of(one)) is apart


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("500m", 0.5),
        ("16Gi", 16 * 2**30),
        ("2", 2),
        (2, 2),
        (1.5, 1.5),
        ("x", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_quantities(written: Any, found: float | None) -> None:
    assert amount(written) == found


@pytest.mark.parametrize("name", ["HF_TOKEN", "apiKey", "OPENAI_API_KEY", "redis.password", "clientSecret", "PASSWORD"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["MAX_TOKENS", "tokenizer", "secretName", "TOKEN_REQUIRED", "passwordPolicy", "key"])
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (f"hf_{'a' * 34}", "a token of Hugging Face"),
        (f"Bearer sk-proj-{'a' * 30}", "an API key"),
        ("AKIA" + "A" * 16, "an access key of AWS"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("redis://user:hunter2@redis:6379", "a password in a URL"),
        ('{"kty": "EC", "d": "' + "a" * 43 + '"}', "a private JSON Web Key"),
        # In base64, as Secrets have it.
        ("aGZfYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=", "a token of Hugging Face"),
    ],
)
def test_what_secrets_look_like(value: str, shape: str) -> None:
    assert shape_of(value) == shape


@pytest.mark.parametrize(
    "value",
    [
        "b968826d9c46dd6066d109eabc6255188de91218",
        f"sha256:{'0' * 64}",
        "docker.io/vllm/vllm-openai:v0.32.0",
        "https://login.example.com/realms/llm",
        '{"kty":"EC","x":"Ty4H_DLrKPYCep9cm0r7aK4Aj6kHkN6IszSzC-Tu3Ks"}',
    ],
)
def test_what_looks_like_none(value: str) -> None:
    assert shape_of(value) is None
