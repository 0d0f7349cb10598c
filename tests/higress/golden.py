"""Everything that stacks of Higress ask of a cluster, as text: ``python -m tests.higress.golden``.

The command writes ``golden/*.yaml`` anew. What it changes there is what a change of the program means for
a cluster, so it is to be read before it is committed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import settings as runtime

from components.platform import Platform
from stacks.settings import StackSettings, load, own_keys
from stacks.stack_file import whole
from tests.components.conftest import SECRET_KIND, SECRET_SIGNATURE, Registered, run_program

STACKS = Path(__file__).parents[2] / "stacks"
FOLDER = Path(__file__).with_name("golden")

SECRETS = {
    "token": "hf_of-the-test",
    "key of web": "key-of-web",
    "key of batch": "key-of-batch",
    "redis": "password-of-redis",
    "access key": "access-key-of-the-guard",
    "secret key": "secret-key-of-the-guard",
    "console": "Password-of-the-console-1",
}
"""Values that a person would set with ``--secret``."""

EVERYTHING: dict[str, Any] = {
    "auth": {
        "consumers": [
            {"name": "web", "keys": [SECRETS["key of web"]], "tokenLimit": {"perMinute": 200_000}},
            {"name": "batch", "keys": [SECRETS["key of batch"]]},
        ],
        "quota": {"adminConsumer": "batch"},
    },
    "redis": {"host": "redis.example.com", "port": 6380, "username": "llm", "password": SECRETS["redis"]},
    "console": {"domain": "console.example.com", "adminPassword": SECRETS["console"]},
    "cors": {"origins": ["https://chat.example.com"]},
    "ipRestriction": {"allow": ["10.0.0.0/8"], "fromHeader": "x-forwarded-for"},
    "dataMasking": {"masks": [{"pattern": "%{EMAILADDRESS}", "restore": True}], "denyWords": ["forbidden"]},
    "securityGuard": {
        "host": "green-cip.cn-hangzhou.aliyuncs.com",
        "accessKey": SECRETS["access key"],
        "secretKey": SECRETS["secret key"],
    },
    "plugins": {"key-auth": {"digest": f"sha256:{'0' * 64}"}},
}
"""What ``prod`` leaves out of the gateway's settings, or has otherwise."""

DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def names() -> list[str]:
    return ["seed", "prod", "everything"]


def settings(name: str) -> StackSettings:
    """A stack as its file has it, or ``prod`` with all that a gateway can do."""
    file = "prod" if name == "everything" else name
    raw = own_keys(whole(STACKS / f"Pulumi.{file}.yaml"))
    raw["huggingFaceToken"] = SECRETS["token"]
    if name == "everything":
        raw["imageMirror"] = "registry.example.com/mirror"
        raw["gateway"] |= EVERYTHING
        raw["routes"][0] |= {"cache": {"seconds": 60, "shared": True}}
        raw["routes"].append({**raw["routes"][0], "headers": {"x-group": "beta"}, "consumers": ["batch"]})
    return load(raw)


def text(name: str) -> str:
    """What the program registers for a stack, one YAML document a resource."""
    stack = settings(name)
    before = runtime.SETTINGS
    try:
        program = run_program(lambda: Platform("platform", stack))
    finally:
        runtime.configure(before)
    # In the order of their names: that of their registration is another one each time.
    resources = sorted(program.resources, key=lambda found: found.name)
    documents = [_document(found) for found in resources if not found.token.startswith("modelyard:")]
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _document(found: Registered) -> dict[str, Any]:
    # A definition's schema and a dashboard would fill pages, and have tests of their own.
    inputs = {**found.inputs, "spec": "..."} if found.token == DEFINITION else found.inputs
    if "-dashboard-" in found.name:
        inputs = {**inputs, "data": "..."}
    return {"name": found.name, "type": found.token, "after": sorted(found.dependencies), "inputs": _readable(inputs)}


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get(SECRET_SIGNATURE) == SECRET_KIND:
            return "[secret]"
        return {key: _readable(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _spread(value) if isinstance(value, str) and value.startswith("{") else value


def _spread(text: str) -> str:
    """JSON over several lines, which a difference can be read in."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    except json.JSONDecodeError:
        return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


if __name__ == "__main__":
    for one in names():
        (FOLDER / f"{one}.yaml").write_text(text(one))
