"""Writes a language model's GGUF file as a folder of safetensors, with tokenizer and chat template.

Usage: ``python convert_gguf.py <file.gguf> <folder>``, in an environment with transformers.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def convert(source: Path, folder: Path) -> None:
    """Write the model of ``source`` into ``folder``, in bfloat16, and read it back.

    Raises:
        ValueError: when what was written lacks a chat template, or answers differently from the source.
    """
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(gguf_file=source.name, dequantize=True),
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)
    _compare(model, folder)


def _compare(model: torch.nn.Module, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise ValueError(f"{folder} has no chat template")
    question = [{"role": "user", "content": "What is the capital of France?"}]
    tokens = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    written = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    with torch.inference_mode():
        expected, found = model(**tokens).logits, written(**tokens).logits
    if not torch.equal(expected, found):
        raise ValueError(f"the model in {folder} does not compute what the GGUF file does")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
