"""vLLM in a container: its command line, or the variables that stand for it."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from policies.pack.kubernetes.pods import Container
from policies.pack.resource import Resource
from policies.pack.values import Properties, at, items, mapping, text, texts
from serving.settings import PREFIX
from serving.vllm_arguments import field_of, names

COMMAND, MODULE, SERVER = "vllm", "vllm.entrypoints.cli.main", "vllm.entrypoints.openai.api_server"
"""Words of a command line by which vLLM is known."""
BATCH = "run-batch"
"""The command by which vLLM answers a file of requests, and nobody else's."""
COMMANDS = ("serve", BATCH)
"""Commands of vLLM's that load a model."""
IMAGES = ("vllm-openai", "vllm-cpu", "/vllm", "vllm-tpu")
"""What the names of images hold whose entrypoint is vLLM's server."""
SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh")
SCRIPT_FLAG = re.compile(r"-[a-z]*c")
"""The argument of a shell behind which its script stands."""
SEPARATORS = ";&|\n"
"""What stands between the commands of a script."""


@dataclass(frozen=True)
class Engine:
    """One vLLM server."""

    words: Sequence[str]
    """Its command line."""
    env: Mapping[str, Properties]
    """Its variables by their names. A value that is not known yet is looked at only where it is asked for."""

    @property
    def serves(self) -> bool:
        """Whether others can send it requests."""
        return BATCH not in self.words

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


def engines_of(container: Container) -> list[Engine]:
    """The vLLM servers that a container runs: none where it runs something else, several by a script."""
    env = {text(variable, "name"): variable for variable in items(container.spec, "env")}
    found = [Engine(words, env) for words in commands_of(container) if _is_vllm(words, env)]
    if not found and not at(container.spec, "command") and any(n in text(container.spec, "image") for n in IMAGES):
        return [Engine(texts(container.spec, "args"), env)]
    return found


def commands_of(container: Container) -> list[list[str]]:
    """The commands that a container runs, each as its words: those of its shell's script, or the only one."""
    words = [*texts(container.spec, "command"), *texts(container.spec, "args")]
    for index, word in enumerate(words[:-1]):
        if SCRIPT_FLAG.fullmatch(word) and any(_program(each) in SHELLS for each in words[:index]):
            script, *arguments = [each for each in words[index + 1 :] if each != "--"] or [""]
            return list(_of_script(script, arguments))
    # The image's entrypoint may be a shell.
    if words and re.search(r"\s", words[0].strip()):
        return list(_of_script(words[0], words[1:]))
    return [words]


def playground_engine(playground: Resource) -> Engine:
    """The vLLM of a Playground of llmaz, whose variables stand among its words."""
    words = texts(mapping(playground.props, "spec", "backendRuntimeConfig"), "args")
    assigned = (word.split("=", 1) for word in words if "=" in word and not word.startswith("-"))
    return Engine(words, {name: {"value": value} for name, value in assigned})


def _is_vllm(words: Sequence[str], env: Mapping[str, Properties]) -> bool:
    for word, following in pairwise(words):
        is_command = following in COMMANDS and (_program(word) == COMMAND or word == MODULE)
        if is_command or (word == "-m" and following == SERVER):
            return True
    return "serving" in words and f"{PREFIX}MODEL" in env


def _program(word: str) -> str:
    return word.rpartition("/")[2]


def _of_script(script: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    """The commands of a shell's script, which has arguments as ``$@``."""
    plain = re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", script.replace("\\\n", " "))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=SEPARATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError:
        # Quotes that do not end: a shell would say so, and run nothing.
        words = plain.split()
    command: list[str] = []
    for word in [*words, ";"]:
        if not set(word) <= set(SEPARATORS) or not word:
            command += arguments if word in ("$@", "$*") else [word]
        elif command:
            yield command
            command = []
