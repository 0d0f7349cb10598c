"""vLLM in a container: its command line, or the variables that stand for it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from policies.pack.kubernetes.pods import Container
from policies.pack.resource import Resource
from policies.pack.values import Properties, at, items, mapping, text, texts
from serving.settings import PREFIX
from serving.vllm_arguments import field_of, names

PROGRAMS = ("vllm", "vllm.entrypoints.cli.main", "vllm.entrypoints.openai.api_server")
"""Words of a command line by which vLLM is known."""
IMAGES = ("vllm-openai", "vllm-cpu", "/vllm", "vllm-tpu")
"""What the names of images hold whose entrypoint is vLLM's server."""


@dataclass(frozen=True)
class Engine:
    """One vLLM server."""

    words: Sequence[str]
    """Its command line."""
    env: Mapping[str, Properties]
    """Its variables by their names. A value that is not known yet is looked at only where it is asked for."""

    @cached_property
    def _arguments(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for index, name in names(self.words):
            field = field_of(name)
            if field is None:
                continue
            _, has_value, value = self.words[index].partition("=")
            following = self.words[index + 1] if index + 1 < len(self.words) else ""
            # A switch has no value, and the next word is another argument.
            found[field] = value if has_value else "true" if following.startswith("-") else following
            if name.startswith("--no-"):
                found[field] = "false"
        return found

    def setting(self, field: str) -> str | None:
        """What is said of a field of vLLM such as ``tensor_parallel_size``, or None."""
        variable = f"{PREFIX}{field.upper()}"
        if at(self.env.get(variable), "value") is not None:
            return text(self.env[variable], "value")
        return self._arguments.get(field)

    def switch(self, field: str) -> bool:
        """Whether a field that is on or off is on."""
        found = self.setting(field)
        return found is not None and found.lower() not in ("false", "0", "no")

    def count(self, field: str) -> int:
        """The number that a field says, or 1."""
        found = self.setting(field)
        return int(found) if found and found.isdigit() else 1


def engine_of(container: Container) -> Engine | None:
    """The vLLM that a container runs, or None where it runs something else."""
    words = spread([*texts(container.spec, "command"), *texts(container.spec, "args")])
    env = {text(variable, "name"): variable for variable in items(container.spec, "env")}
    by_name = any(word.rpartition("/")[2] in PROGRAMS for word in words)
    by_variables = "serving" in words and f"{PREFIX}MODEL" in env
    by_image = not at(container.spec, "command") and any(name in text(container.spec, "image") for name in IMAGES)
    return Engine(words, env) if by_name or by_variables or by_image else None


def playground_engine(playground: Resource) -> Engine:
    """The vLLM of a Playground of llmaz, whose variables stand among its words."""
    words = texts(mapping(playground.props, "spec", "backendRuntimeConfig"), "args")
    assigned = (word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
    return Engine(words, {name: {"value": value} for name, value in assigned})


def spread(words: Sequence[str]) -> list[str]:
    """A command line with the words of its shell scripts."""
    found: list[str] = []
    for word in words:
        if " " in word and "vllm" in word:
            try:
                found += shlex.split(word, comments=True)
                continue
            except ValueError:
                pass
        found.append(word)
    return found
