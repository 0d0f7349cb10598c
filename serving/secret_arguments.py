"""Secrets among vLLM's arguments, which become variables: every process of the node can read a command line."""

from collections.abc import Sequence

from serving.vllm_arguments import field_of, names

VARIABLES = {"api_key": "VLLM_API_KEY", "hf_token": "HF_TOKEN"}
"""Fields of vLLM that are secrets, and the variables that it takes them from as well."""


class SeveralSecretsError(Exception):
    """An argument with several secrets, of which a variable holds one. The message says what to write."""


def moved(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command line without its secrets, and the variables that hold them.

    Raises:
        SeveralSecretsError: for an argument with several of them.
    """
    words, variables = list(argv), dict[str, str]()
    places = list(names(words))
    ends = [*(index for index, _ in places[1:]), len(words)]
    # From the last one on, so that what is taken out moves none that is still to come.
    for (index, name), end in reversed([*zip(places, ends, strict=True)] if places else []):
        field = field_of(name) or ""
        _, equals, value = words[index].partition("=")
        values = [value] if equals else words[index + 1 : end]
        if field not in VARIABLES or not values:
            continue
        if len(values) > 1:
            raise SeveralSecretsError(
                f"{name}: {len(values)} values cannot be kept off the command line, which every process of the node "
                f"can read: write one of them into the variable {VARIABLES[field]}"
            )
        # Of an argument that is there twice, vLLM takes the last.
        variables.setdefault(VARIABLES[field], values[0])
        del words[index : end if not equals else index + 1]
    return words, variables
