"""What the Job runs, with the library of Hugging Face that vLLM's environment has, against a hub on loopback."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from tempfile import TemporaryDirectory

import pytest

from components.manifests.weights.download import HOPELESS, LEFT_BEHIND_SECONDS
from components.manifests.weights.job import PROGRAM
from local.paths import Paths
from tests.weights.hub import COMMIT, REPOSITORY, Hub, serving

pytestmark = pytest.mark.vllm

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    FIRST: b"first" * 100_000,
    SECOND: b"second" * 100_000,
    "pytorch_model.bin": b"the same once more",
    "original/consolidated.00.pth": b"what it was made of",
}
LOADED = {"config.json", FIRST, SECOND}

Start = Callable[..., Popen[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(dict(FILES)) as found:
        yield found


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
def start(hub: Hub, cache: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the program, as the Job does."""
    python = Paths.from_environment().vllm / "bin" / "python"
    assert python.exists(), f"there is no {python}: run `make setup`"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        # A file that is held back would be asked for again after ten seconds.
        "HF_HUB_DOWNLOAD_TIMEOUT": "600",
    }
    started: list[Popen[str]] = []

    def run(user: int | None = None, **changes: str) -> Popen[str]:
        words = [str(python), "-c", PROGRAM, REPOSITORY, COMMIT]
        variables = {**environment, **changes}
        process = Popen(words, env=variables, stdout=PIPE, stderr=STDOUT, text=True, user=user)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ended(process: Popen[str]) -> tuple[int, str]:
    said = process.communicate(timeout=120)[0]
    return process.returncode, said


def in_cache(cache: Path) -> dict[str, bytes]:
    """The files that vLLM would find in the folder that it is told."""
    folder = cache / "models--org--model" / "snapshots" / COMMIT
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_everything_that_vllm_loads_is_fetched_and_nothing_else(start: Start, hub: Hub, cache: Path) -> None:
    status, said = ended(start())
    assert status == 0, said
    assert in_cache(cache) == {name: FILES[name] for name in LOADED}
    assert set(hub.fetched) == LOADED
    assert said.splitlines() == [f"org/model at {COMMIT}: 3 files, 0.00 GiB", "everything is there"]


def test_two_pods_at_once_fetch_each_file_once(start: Start, hub: Hub, cache: Path) -> None:
    hub.held = {FIRST, SECOND}
    both = [start(), start()]
    until(lambda: all(at_a_lock(process) for process in both))
    hub.release()
    for process in both:
        status, said = ended(process)
        assert status == 0, said
    assert hub.fetched == dict.fromkeys(LOADED, 1)
    assert in_cache(cache) == {name: FILES[name] for name in LOADED}


def test_a_second_pod_fetches_nothing(start: Start, hub: Hub) -> None:
    assert ended(start())[0] == 0
    assert ended(start())[0] == 0
    assert hub.fetched == dict.fromkeys(LOADED, 1)


def test_a_killed_download_goes_on_with_the_file_that_it_was_at(start: Start, hub: Hub, cache: Path) -> None:
    hub.held = {SECOND}
    killed = start()
    hub.wait_for_file(SECOND)
    until(lambda: FIRST in in_cache(cache) and unfinished(cache))
    killed.kill()
    killed.wait()
    left_behind = unfinished(cache)

    hub.release()
    status, said = ended(start())
    assert status == 0, said
    assert in_cache(cache) == {name: FILES[name] for name in LOADED}
    assert hub.fetched[FIRST] == 1
    assert hub.fetched[SECOND] == 2

    # Somebody else might still write to it, so it goes once nobody has for long.
    assert unfinished(cache) == left_behind
    for path in left_behind:
        os.utime(path, (time.time() - LEFT_BEHIND_SECONDS - 1,) * 2)
    assert ended(start())[0] == 0
    assert not unfinished(cache)


def at_a_lock(process: Popen[str]) -> bool:
    """Whether a process holds the lock of a file, or waits for it."""
    opened = Path(f"/proc/{process.pid}/fd").iterdir()
    return any(str(path.readlink()).endswith(".lock") for path in opened)


def unfinished(cache: Path) -> list[Path]:
    return sorted(cache.glob("models--org--model/blobs/*.incomplete"))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except FileNotFoundError:
            pass  # it was there a moment ago, or will be
        assert time.monotonic() < deadline
        # Who waits for a lock has it open for moments only, between two pauses.
        time.sleep(0.0005)


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((403, "GatedRepo"), "only to accounts that it has let in"),
        ((404, "RevisionNotFound"), "has no such revision"),
        ((404, "RepoNotFound"), "knows no such repository"),
    ],
)
def test_what_no_other_try_would_mend(start: Start, hub: Hub, refusal: tuple[int, str], sentence: str) -> None:
    hub.refusal = refusal
    status, said = ended(start())
    assert status == HOPELESS, said
    assert sentence in said
    assert "Traceback" not in said


def test_a_claim_that_the_pods_user_may_not_write_to(start: Start) -> None:
    # Not below pytest's own folder, which nobody but its user may look into.
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        user = 1000 if os.geteuid() == 0 else None
        status, said = ended(start(user, HF_HUB_CACHE=f"{folder}/hub", HOME=folder))
    assert status == HOPELESS, said
    assert f"{folder}/hub" in said
    assert "let user and group 1000 write to the claim" in said


def test_vllm_asks_the_hub_nothing_for_a_folder(start: Start, hub: Hub, cache: Path) -> None:
    given = Paths.from_environment().models / "smollm2-135m-instruct"
    small = {path.name: path.read_bytes() for path in given.glob("*.json")}
    hub.files = {**small, "model.safetensors": (given / "model.safetensors").read_bytes()}
    assert ended(start())[0] == 0
    before = hub.asked
    program = (
        "import sys\n"
        "from vllm.engine.arg_utils import EngineArgs\n"
        "config = EngineArgs(model=sys.argv[1]).create_model_config()\n"
        "from vllm.tokenizers import cached_tokenizer_from_config\n"
        "print(config.get_vocab_size(), len(cached_tokenizer_from_config(config)))\n"
    )
    python = Paths.from_environment().vllm / "bin" / "python"
    folder = cache / "models--org--model" / "snapshots" / COMMIT
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cache),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_CACHE": str(cache),
        "VLLM_NO_USAGE_STATS": "1",
    }
    done = subprocess.run(
        [str(python), "-c", program, str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "49152 49152"
    assert hub.asked == before
