"""YAML that says nothing twice: what stands in several places is written once, and named in the others."""

import json
from collections import Counter
from typing import Any

from components.manifests.envoy.proto import Json

WORTH_BYTES = 24
"""Length from which on a name is shorter than what it stands for."""

_BREAKS = {code: f"\\u{code:04x}" for code in (0x7F, 0x85, 0x2028, 0x2029, 0xFEFF)}
"""What JSON may hold as it is, and YAML takes for the end of a line or doesn't take."""


def anchored(content: Json) -> str:
    """A document as YAML on one line, in JSON's form but for anchors and aliases.

    Clusters and routes of models differ in little, and a ConfigMap holds 1 MiB: this makes a third of them.
    Every text is quoted, so no reader of YAML takes one for a number or a yes.
    """
    texts: dict[int, str] = {}
    times: Counter[str] = Counter()
    _note(content, texts, times)
    return _Writer(texts, {text for text, count in times.items() if count > 1}).written(content)


def _note(value: Any, texts: dict[int, str], times: Counter[str]) -> str:
    """The JSON of a value; notes that of it and of everything in it, and how often each is there."""
    if isinstance(value, dict):
        text = f"{{{','.join(f'{_scalar(key)}:{_note(one, texts, times)}' for key, one in value.items())}}}"
    elif isinstance(value, list):
        text = f"[{','.join(_note(one, texts, times) for one in value)}]"
    else:
        text = _scalar(value)
    if isinstance(value, dict | list):
        texts[id(value)] = text
    if len(text) >= WORTH_BYTES:
        times[text] += 1
    return text


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).translate(_BREAKS)


class _Writer:
    """Writes a document whose parts were noted."""

    def __init__(self, texts: dict[int, str], repeated: set[str]) -> None:
        self._texts = texts
        self._repeated = repeated
        self._names: dict[str, str] = {}

    def written(self, value: Any) -> str:
        text = self._texts[id(value)] if isinstance(value, dict | list) else _scalar(value)
        if text not in self._repeated:
            return self._parts(value)
        if text in self._names:
            return f" *{self._names[text]} "
        parts = self._parts(value)
        # The name is known from here on: a part of it cannot be the whole.
        self._names[text] = f"{len(self._names):x}"
        return f" &{self._names[text]} {parts}"

    def _parts(self, value: Any) -> str:
        if isinstance(value, dict):
            return f"{{{','.join(f'{_scalar(key)}:{self.written(one)}' for key, one in value.items())}}}"
        if isinstance(value, list):
            return f"[{','.join(self.written(one) for one in value)}]"
        return _scalar(value)
