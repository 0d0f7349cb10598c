"""Makes tokenizers of given vocabularies: ``python tokenizer.py FOLDER SIZE FOLDER SIZE...``.

The tokenizer is a byte-level BPE, as those of most models are, trained on the texts of Python's own library. What its
vocabulary lacks of the model's are tokens that no text has, so that every number that a model says can be written.
It runs in the Python that has vLLM.
"""

import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

TRAINED = 32_000
"""Tokens of the trained vocabulary."""
_END = "<|end|>"


def main() -> None:
    """Write the tokenizers that are asked for."""
    trained = json.loads(_trained())
    for folder, size in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        _write(Path(folder), trained, int(size))


def _trained() -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=TRAINED, special_tokens=[_END], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(_texts(), trainer)
    return str(made.to_str())


def _texts() -> Iterator[str]:
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        yield file.read_text(errors="replace")


def _write(folder: Path, trained: dict[str, dict[str, dict[str, int]]], size: int) -> None:
    known = trained["model"]["vocab"]
    filled = {**known, **{f"\u0120x{number}": number for number in range(len(known), size)}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps({**trained, "model": {**trained["model"], "vocab": filled}}))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": _END, "model_max_length": 10**6}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    # By its model's type transformers would take another class, which splits words in its own way.
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"}))


if __name__ == "__main__":
    main()
