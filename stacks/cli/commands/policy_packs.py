"""The options about policy packs, looked at before Pulumi is run: what it says of them reads as a failed update."""

import json
from collections.abc import Sequence
from pathlib import Path

from stacks.cli.errors import CliError
from stacks.cli.exits import ExitCode

_PACK = "--policy-pack"
_CONFIG = "--policy-pack-config"
_NAME_A_PACK = "Name the folder of a policy pack, such as policies."
_WRITE_AN_OBJECT = 'Write a JSON object, such as {"gpu-budget": {"maxGpus": 8}}.'


def check_policy_packs(packs: Sequence[Path], configs: Sequence[Path]) -> None:
    """Look whether Pulumi can use them.

    Args:
        packs: folders, each with a ``PulumiPolicy.yaml``.
        configs: JSON files, one a pack, or none at all, as Pulumi asks for.

    Raises:
        CliError: it cannot, with the option and what was given.
    """
    for pack in packs:
        if not pack.is_dir():
            raise _refused(f"{_PACK} {pack}: there is no such folder.", _NAME_A_PACK)
        if not (pack / "PulumiPolicy.yaml").is_file():
            raise _refused(f"{_PACK} {pack}: it has no PulumiPolicy.yaml, so it is no policy pack.", _NAME_A_PACK)
    if configs and len(configs) != len(packs):
        raise _refused(
            f"{_CONFIG} {', '.join(map(str, configs))}: {len(configs)} given for {len(packs)} of {_PACK}, and each is "
            "for the pack at its place.",
            f"Give {_PACK} and {_CONFIG} equally often, in the same order.",
        )
    for config in configs:
        _check_config(config)


def _check_config(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        # Pulumi takes an empty file for no parameters.
        parameters = json.loads(text) if text else {}
    except OSError as error:
        raise _refused(f"{_CONFIG} {file}: {error.strerror}.", "Name a JSON file that you may read.") from None
    except ValueError as error:
        raise _refused(f"{_CONFIG} {file}: it is no JSON: {error}.", _WRITE_AN_OBJECT) from None
    if not isinstance(parameters, dict):
        raise _refused(f"{_CONFIG} {file}: it has no parameters by rule in it.", _WRITE_AN_OBJECT)


def _refused(problem: str, remedy: str) -> CliError:
    return CliError(problem, remedy, ExitCode.USAGE)
