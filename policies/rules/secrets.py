"""Tokens, keys and passwords, which stand in Secrets and nowhere else."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from policies.pack.kubernetes.engines import commands_of
from policies.pack.kubernetes.pods import Container, containers
from policies.pack.resource import RELEASE, STACK, Path, Resource
from policies.pack.rule import Problem, Rule, View, each
from policies.pack.values import at, items, leaves, mapping, text

SHAPES: dict[str, re.Pattern[str]] = {
    "a token of Hugging Face": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "an API key": re.compile(r"\b(?:sk|rk|pk)-(?:proj-|ant-|live-|or-)?[A-Za-z0-9_-]{20,}"),
    "a key of NVIDIA's": re.compile(r"\bnvapi-[A-Za-z0-9_-]{20,}"),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "an access key of Alibaba Cloud": re.compile(r"\bLTAI[A-Za-z0-9]{16,}\b"),
    "a key of Google's": re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    "a token of GitLab": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "a token of Slack": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "a private JSON Web Key": re.compile(r'\\?"d\\?"\s*:\s*\\?"[A-Za-z0-9_-]{30,}\\?"'),
    "a JSON Web Token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "a password in a URL": re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@$*]{3,}@"),
}
"""What secrets look like."""

NAMES = re.compile(
    r"(?:^|[_\-. ])(?:token|password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|credentials?)$",
    re.IGNORECASE,
)
"""Names of what is one."""
KEYS = re.compile(r"(?<!public)(?<!public[_.-])key$|^ssh-privatekey$|^\.dockerc(?:fg|onfigjson)$|^auth$", re.IGNORECASE)
"""Keys of Secrets whose values are secrets, beside these names."""
SECRETS_NAMES = re.compile(
    r"(?:^|_)existing_|(?:^|_)(?:tls|ca|cert|certificate|pull|credentials?|password)_secret$", re.IGNORECASE
)
"""Names of what holds the name of a Secret, or that of a key in it."""
OBJECT_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.IGNORECASE)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

REFERENCE = re.compile(r"^\s*$|^[$`]|^\*+$|^<.*>$|^(?:true|false|none|null|\[secret\])$|^[0-9.]+$|^/", re.IGNORECASE)
"""Values under such names that are none: nothing, a reference, a place, a switch, a number."""

ARGUMENTS = ("--api-key", "--hf-token", "--token", "--password")
"""Arguments whose value is one."""
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""Names of variables that a script sets."""


def _literals(view: View) -> Iterator[Problem]:
    yield from each(containers(view, initial=True), _of_container)
    yield from each(view.resources, _of_resource)


def _of_container(container: Container) -> Iterator[Problem]:
    for variable in items(container.spec, "env"):
        name = text(variable, "name")
        if at(variable, "value") is not None and _is_secret(name, variable["value"]):
            yield Problem(
                container.pod.resource,
                f"{container.name} has the value of {name} in the clear",
                "write valueFrom.secretKeyRef, and the value into a Secret",
            )
    for words in commands_of(container):
        yield from _of_command(container, words)


def _of_command(container: Container, words: list[str]) -> Iterator[Problem]:
    for index, word in enumerate(words):
        name, has_value, value = word.partition("=")
        following = value if has_value else words[index + 1] if index + 1 < len(words) else ""
        is_secret = name.replace("_", "-") in ARGUMENTS or (VARIABLE.fullmatch(name) and is_secret_name(name))
        if is_secret and (has_value or name.startswith("-")) and _is_literal(following):
            yield Problem(
                container.pod.resource,
                f"{container.name} has the value of {name} on its command line",
                "write a variable from a Secret, such as VLLM_API_KEY, or $(NAME) of one",
            )


def _of_resource(resource: Resource) -> Iterator[Problem]:
    if resource.kind == "Secret":
        yield from _unmarked(resource)
        return
    if not resource.is_object and resource.type != RELEASE and not resource.type.endswith("Patch"):
        return
    for path, value in leaves(resource.props):
        # What a chart is given lies in a Secret of Helm's, and marked in the state: what it makes of it is its own.
        if isinstance(value, str) and not (resource.type == RELEASE and resource.is_secret(path)):
            yield from _judged(resource, path, value)


def _judged(resource: Resource, path: Path, value: str) -> Iterator[Problem]:
    shape = shape_of(value)
    by_name = resource.type == RELEASE or resource.kind == "ConfigMap"
    if shape:
        yield Problem(resource, f"{'.'.join(path)} holds {shape}")
    elif by_name and _is_secret(path[-1], value):
        yield Problem(resource, f"{'.'.join(path)} is a value in the clear, and a secret by its name")


def _unmarked(secret: Resource) -> Iterator[Problem]:
    for key in ("data", "stringData"):
        known = list(leaves(mapping(secret.props, key), (key,)))
        unmarked = [(path, value) for path, value in known if not secret.is_secret(path)]
        # Beside what is marked, names of users and hosts may stand in the clear.
        if secret.secrets:
            found = [".".join(path) for path, value in unmarked if _is_kept(path[-1], value)]
        else:
            found = [key] if unmarked else []
        for place in found:
            yield Problem(
                secret,
                f"{place} is not marked as a secret, and stands in Pulumi's state and output in the clear",
                "write pulumi.Output.secret(...), or take it from `pulumi config set --secret`",
            )


def _is_kept(key: str, value: Any) -> bool:
    """Whether a value of a Secret is one itself."""
    by_name = (is_secret_name(key) or KEYS.search(key)) and _is_literal(value)
    return bool(by_name) or (isinstance(value, str) and shape_of(value) is not None)


def _outputs(view: View) -> Iterator[Problem]:
    for stack in view.resources:
        if stack.type != STACK:
            continue
        for path, value in leaves(stack.props):
            if not isinstance(value, str) or stack.is_secret(path):
                continue
            place = f"output {'.'.join(path)}"
            if shape := shape_of(value):
                yield Problem(stack, f"{place} holds {shape}")
            elif _is_secret(path[-1], value):
                yield Problem(stack, f"{place} is a value in the clear, and a secret by its name")


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret."""
    return NAMES.search(CAMEL.sub("_", name)) is not None


def shape_of(value: str) -> str | None:
    """What kind of secret a text holds, as far as its form tells, or None."""
    for candidate in (value, _decoded(value)):
        for name, pattern in SHAPES.items():
            if candidate and pattern.search(candidate):
                return name
    return None


def _decoded(value: str) -> str | None:
    if len(value) < 20 or not re.fullmatch(r"[A-Za-z0-9+/\s]+={0,2}", value):
        return None
    try:
        return base64.b64decode(value, validate=False).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _is_secret(name: str, value: Any) -> bool:
    """Whether a value is one by its name, and neither a reference nor the name of a Secret."""
    refers = SECRETS_NAMES.search(CAMEL.sub("_", name)) and OBJECT_NAME.fullmatch(str(value))
    return is_secret_name(name) and _is_literal(value) and not refers


def _is_literal(value: Any) -> bool:
    return isinstance(value, str) and REFERENCE.search(value) is None


RULES = (
    Rule(
        id="literal-secrets",
        what="Tokens, keys and passwords stand in Secrets, marked as such, and nowhere else.",
        why="so everybody who may read the object or the stack's state can read it",
        instead="put it into a Secret and refer to it, and make a new one, for this one has been seen",
        severity="critical",
        scope="resource",
        check=_literals,
    ),
    Rule(
        id="secret-outputs",
        what="Outputs that are secrets are marked as such.",
        why="so `pulumi stack output`, the state and every log of an update show it",
        instead="export pulumi.Output.secret(...)",
        severity="critical",
        scope="stack",
        check=_outputs,
        waivable=False,
    ),
)
