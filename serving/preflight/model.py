"""Whether a folder with weights is whole: its configuration, its index, and every file that the index names.

Of a safetensors file only the header is read, which says how long the file has to be:
https://huggingface.co/docs/safetensors/index#format
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.exits import ExitCode
from serving.preflight.finding import Finding, failed, ok, skipped
from serving.settings import ServingSettings

_CONFIGS = ("config.json", "params.json")
"""Of transformers, and of Mistral's own format."""
_INDEXES = ("model.safetensors.index.json", "consolidated.safetensors.index.json")
_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.gguf")
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100 * 2**20
"""What the format allows."""
_GIB = 2**30


class _BrokenError(Exception):
    """A file that is not what it has to be. Its text says how."""


def config(settings: ServingSettings) -> Finding:
    """Whether vLLM can read what model it is."""
    folder = Path(settings.model)
    if not folder.is_dir():
        return skipped("model-config", f"{settings.model} is no folder of this container")
    found = next((folder / name for name in _CONFIGS if (folder / name).is_file()), None)
    if found is None:
        if any(folder.glob("*.gguf")):
            return skipped("model-config", "a GGUF file says what model it is")
        return failed(
            "model-config",
            ExitCode.MODEL_CONFIG,
            f"{folder} has no {_CONFIGS[0]}, from which vLLM learns what model it is: correct the model's source, or "
            "copy its whole repository there",
        )
    try:
        values = _json_object(found)
    except _BrokenError as error:
        return failed("model-config", ExitCode.MODEL_CONFIG, f"{error}: copy the file there again")
    return ok("model-config", str(", ".join(values.get("architectures") or [values.get("model_type", found.name)])))


def weights(settings: ServingSettings) -> Finding:
    """Whether every file of the weights is there, and as long as its header says."""
    place = Path(settings.model)
    if "dummy" in settings.extra_args:
        return skipped("weights", "the load format is dummy: none are read")
    if not place.exists():
        return _elsewhere(settings)
    try:
        files = list(_safetensors(place)) if place.is_dir() else []
        if not files:
            return _other_weights(place)
        size = sum(_checked_size(file) for file in files)
    except _BrokenError as error:
        return failed("weights", ExitCode.WEIGHTS, f"{error}: fetch the weights again")
    return ok("weights", f"{len(files)} files, {size / _GIB:.2f} GiB")


def _elsewhere(settings: ServingSettings) -> Finding:
    model = settings.model
    if model.startswith(("/", "./")):
        return failed(
            "weights",
            ExitCode.WEIGHTS,
            f"there is no {model} in this container: correct the model's source, or the mount that should bring it",
        )
    by = "vLLM" if settings.weights_cache is None else f"this package, to {settings.weights_cache}"
    return skipped("weights", f"{model} is fetched by {by}")


def _other_weights(place: Path) -> Finding:
    if place.is_file():
        return ok("weights", place.name)
    found = next((file.name for pattern in _OTHER_WEIGHTS for file in place.glob(pattern)), None)
    if found is not None:
        return skipped("weights", f"of files such as {found} it cannot be known whether they are whole")
    return failed(
        "weights",
        ExitCode.WEIGHTS,
        f"{place} has no weights (*.safetensors, {', '.join(_OTHER_WEIGHTS)}): correct the model's source, or copy its "
        "whole repository there",
    )


def _safetensors(folder: Path) -> Iterator[Path]:
    for name in _INDEXES:
        index = folder / name
        if index.is_file():
            named = _json_object(index).get("weight_map")
            if not isinstance(named, dict):
                raise _BrokenError(f"{index} has no weight_map, which says what file a weight is in")
            yield from (folder / str(file) for file in sorted(set(named.values())))
            return
    yield from sorted(folder.glob("*.safetensors"))


def _checked_size(file: Path) -> int:
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
            header = opened.read(length) if length <= _LONGEST_HEADER else b""
    except FileNotFoundError as error:
        raise _BrokenError(f"the index names {file.name}, and {file.parent} does not have it") from error
    except OSError as error:
        raise _BrokenError(f"{file} cannot be read ({error.strerror})") from error
    ends = _ends(file, header)
    needed = _LENGTH_BYTES + length + max(ends, default=0)
    if size != needed:
        raise _BrokenError(f"{file} has {size} bytes, and its header says {needed}")
    return size


def _ends(file: Path, header: bytes) -> list[int]:
    """Where each tensor ends, counted from the end of the header."""
    try:
        entries = json.loads(header)
        return [int(entry["data_offsets"][1]) for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise _BrokenError(
            f"{file} does not begin with a header of safetensors: it is cut off or another file"
        ) from error


def _json_object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise _BrokenError(f"{file} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _BrokenError(f"{file} is no JSON ({error}), so it is cut off or another file") from error
    if not isinstance(found, dict):
        raise _BrokenError(f"{file} holds no JSON object")
    return found
