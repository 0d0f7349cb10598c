"""Weights that the entrypoint fetches, from hubs and a store on loopback."""

import errno
import fcntl
import hashlib
import json
import os
import random
import shutil
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from components.manifests.weights import download
from serving.exits import ExitCode
from serving.settings import of
from serving.weights import Fetched, WeightsError, fetch, remote_of, with_folder
from serving.weights.bucket import Bucket
from serving.weights.checksum import Checksum, digest_of
from serving.weights.errors import UnreachableError
from serving.weights.hugging_face import HuggingFace
from serving.weights.lock import Lock
from serving.weights.modelscope import ModelScope
from serving.weights.partial import PartialFile
from serving.weights.remote import MARKER, Remote, RemoteFile, listing_of, not_loaded
from serving.weights.store import Entry
from serving.weights.transfer import Pace
from tests.serving.fetching import LARGEST_FILE, PACE
from tests.serving.servers import ROOT, await_true
from tests.weights.hub import COMMIT, REPOSITORY, Hub, serving

MIB = 2**20
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
CHANCE = random.Random(6)  # noqa: S311 - not for secrets
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "empty.txt": b"",
    FIRST: CHANCE.randbytes(5 * MIB + 17),
    SECOND: CHANCE.randbytes(3 * MIB),
    "nested/tokenizer.json": CHANCE.randbytes(100_000),
    "pytorch_model.bin": b"the same once more",
    "original/consolidated.00.pth": b"what it was made of",
}
LOADED = {
    name: data for name, data in FILES.items() if name not in ("pytorch_model.bin", "original/consolidated.00.pth")
}
SIZE = sum(map(len, LOADED.values()))

Fetch = Callable[..., Fetched]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serving(dict(FILES)) as found:
        # The library reads them when it is loaded.
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        template = found.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", found.url)
        monkeypatch.setenv("MODELSCOPE_CREDENTIALS_PATH", str(tmp_path / "credentials"))
        monkeypatch.delenv("MODELSCOPE_API_TOKEN", raising=False)
        monkeypatch.setenv("HF_TOKEN", "")
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def bring(store: Path, log: list[str]) -> Iterator[Fetch]:
    """Fetches in this process. What it fetched is in use until the test ends, or until it is closed."""
    held: list[Lock] = []

    def run(remote: Remote, limit_gib: float | None = None, use: bool = False) -> Fetched:
        fetched = fetch(remote, store, limit_gib, log.append, PACE)
        if use:
            held.append(fetched.lock)
        else:
            fetched.lock.close()
        return fetched

    yield run
    for lock in held:
        lock.close()


@pytest.fixture
def start(hub: Hub, store: Path) -> Iterator[Callable[..., Popen[str]]]:
    """Fetches in a process of its own."""
    started: list[Popen[str]] = []

    def run(*before: str, **variables: str) -> Popen[str]:
        words = [*before, sys.executable, "-m", "tests.serving.fetching", str(store)]
        environment = {**os.environ, "HF_ENDPOINT": hub.url, **variables}
        process = Popen(words, env=environment, cwd=ROOT, stdout=PIPE, stderr=STDOUT, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ended(process: Popen[str]) -> tuple[int, str]:
    said = process.communicate(timeout=120)[0]
    return process.returncode, said


def in_folder(folder: Path) -> dict[str, bytes]:
    """The files of a whole model."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def counted(store: Path) -> int:
    """The bytes that a process has left, or has counted so far."""
    work = Entry(store / f"hf/org--model/{COMMIT}").work
    total = sum(path.stat().st_size for path in (work / "files").rglob("*") if path.is_file())
    for journal in (work / "unfinished").glob("*.counts"):
        counts = journal.read_bytes()[48:]
        total += sum(struct.unpack(f"<{len(counts) // 8}Q", counts))
    return total


def hugging_face(revision: str | None = COMMIT) -> HuggingFace:
    return HuggingFace(REPOSITORY, revision)


# What is fetched


def test_everything_that_vllm_loads_is_fetched_and_nothing_else(hub: Hub, bring: Fetch, log: list[str]) -> None:
    fetched = bring(hugging_face())
    assert in_folder(fetched.folder) == LOADED
    assert set(hub.fetched) == set(LOADED) - {"empty.txt"}
    assert fetched.folder.name == COMMIT
    assert not Entry(fetched.folder).work.exists()
    assert log[0] == f"weights: {REPOSITORY}: 5 files, 0.01 GiB"
    assert log[-1] == f"weights: {REPOSITORY} is in {fetched.folder}, 0.01 GiB"


def test_a_commit_that_is_there_is_served_without_asking_anybody(hub: Hub, bring: Fetch) -> None:
    bring(hugging_face())
    before = hub.asked
    bring(hugging_face())
    assert hub.asked == before


def test_a_branch_is_asked_for_and_served_as_it_was_where_the_hub_is_silent(
    hub: Hub, bring: Fetch, log: list[str]
) -> None:
    folder = bring(hugging_face("main")).folder
    assert bring(hugging_face("main")).folder == folder
    hub.refusal = (500, "")
    assert bring(hugging_face("main")).folder == folder
    assert "What was last fetched of it is here, and is served" in log[-2]


def test_a_silent_hub_and_nothing_here(hub: Hub, bring: Fetch) -> None:
    hub.refusal = (500, "")
    with pytest.raises(WeightsError, match=r"its hub does not answer .*: check HF_ENDPOINT") as caught:
        bring(hugging_face())
    assert caught.value.code == ExitCode.CRASHED


def test_a_hub_and_a_store_that_take_a_connection_and_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in (("DEFAULT_REGION", "us-east-1"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "of-a-b")):
        monkeypatch.setenv(f"AWS_{variable}", value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for remote in (hugging_face("main"), Bucket("s3://models/qwen")):
            monkeypatch.setattr(f"{type(remote).__module__}.SILENT_SECONDS", 0.2)
            begun = time.monotonic()
            with pytest.raises(UnreachableError, match="does not answer"):
                remote.listing()
            assert time.monotonic() - begun < 10


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b"])
def test_paths_that_lead_out_of_the_folder(path: str) -> None:
    with pytest.raises(WeightsError, match="would lie outside of its folder"):
        listing_of("org/model", [RemoteFile(path, 1)])


def test_a_second_format_is_left_alone_only_beside_safetensors() -> None:
    assert not_loaded(["pytorch_model.bin", "config.json"]) == set()
    assert not_loaded(["pytorch_model.bin", "model.safetensors", ".gitattributes"]) == {
        "pytorch_model.bin",
        ".gitattributes",
    }


def test_a_repository_that_was_copied_out_of_a_cache(hub: Hub, bring: Fetch) -> None:
    hub.files = {**LOADED, MARKER: b"of another cache", f"nested/{MARKER}": b"a file like others"}
    fetched = bring(hugging_face())
    assert in_folder(fetched.folder) == LOADED
    assert (fetched.folder / "nested" / MARKER).read_bytes() == b"a file like others"
    hub.ranges.clear()
    assert bring(hugging_face()).folder == fetched.folder
    assert hub.ranges == []


def test_the_job_for_images_without_this_package_leaves_the_same_weights_alone() -> None:
    # Its program is told as text, and cannot import what is here.
    weights = ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth", "sparse_linear.pt"]
    for beside in ([], ["model.safetensors"], ["a/model.safetensors"]):
        paths = [*beside, *weights, *(f"a/{path}" for path in weights), "original/model.safetensors", "config.json"]
        assert download.not_loaded(paths) == not_loaded(paths)


# Stops


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_download_goes_on_with_the_byte_that_it_was_at(
    hub: Hub, start: Callable[..., Popen[str]], store: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    here = 0
    for _ in range(3):
        hub.allow(chance.randint(MIB, 2 * MIB + MIB // 2))
        process = start()
        hub.wait_until_held()
        # Some of what was sent is on its way.
        await_true(lambda: counted(store) > here)  # noqa: B023 - it is called here
        process.kill()
        process.wait()
        here = counted(store)
    hub.ranges.clear()
    hub.allow(None)
    status, said = ended(start())
    assert status == 0, said
    assert "are here already" in said
    assert sum(end - begin for _, begin, end in hub.ranges) == SIZE - here
    assert in_folder(store / f"hf/org--model/{COMMIT}") == LOADED


def test_a_kill_just_before_and_just_after_the_end(hub: Hub, bring: Fetch, store: Path) -> None:
    entry = Entry(bring(hugging_face()).folder)
    # Before: every file is finished, and the folder has not got its name.
    entry.work.mkdir()
    entry.folder.rename(entry.work / "files")
    (entry.work / "files" / MARKER).unlink()
    hub.ranges.clear()
    assert in_folder(bring(hugging_face()).folder) == LOADED
    # After: what was worked in is still there.
    entry.work.mkdir()
    assert in_folder(bring(hugging_face()).folder) == LOADED
    assert hub.ranges == []


def test_a_file_that_is_missing_or_short_is_fetched_again(hub: Hub, bring: Fetch) -> None:
    folder = bring(hugging_face()).folder
    (folder / "config.json").unlink()
    with (folder / FIRST).open("r+b") as opened:
        opened.truncate(5)
    hub.ranges.clear()
    assert in_folder(bring(hugging_face()).folder) == LOADED
    assert {name for name, _, _ in hub.ranges} == {"config.json", FIRST}


@pytest.mark.parametrize(("checksum", "kept"), [(Checksum("sha256", "0" * 64), 4), (None, 0)])
def test_after_a_power_failure_only_a_checksum_is_believed(
    tmp_path: Path, checksum: Checksum | None, kept: int
) -> None:
    file = RemoteFile("a", 10)
    begun = PartialFile(file, checksum, tmp_path, 8)
    begun.write(0, b"abcd")
    begun.close()
    again = PartialFile(file, checksum, tmp_path, 8)
    assert again.received == 4
    again.close()
    journal = next(tmp_path.glob("*.counts"))
    other_boot = journal.read_bytes()
    journal.write_bytes(other_boot[:8] + b"another start of the kernel".ljust(40) + other_boot[48:])
    later = PartialFile(file, checksum, tmp_path, 8)
    assert later.received == kept
    later.close()


def test_a_file_that_ends_while_another_thread_digests_is_finished_once(tmp_path: Path) -> None:
    checksum = Checksum("sha256", hashlib.sha256(bytes(16)).hexdigest())
    begun = PartialFile(RemoteFile("a", 16), checksum, tmp_path, 8)
    whole: list[bool] = []

    class Lock:
        """Lets another thread end the last part as soon as this one has given the lock up after its own."""

        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            if not begun._digesting and not whole:
                whole.append(False)
                whole[0] = begun.complete(1)

    begun._lock = Lock()  # type: ignore[assignment]
    begun.write(0, bytes(8))
    begun.write(1, bytes(8))
    assert [begun.complete(0), *whole] == [False, True]
    begun.close()


@pytest.mark.parametrize("left", [b"", b"\0" * 20, b"\xff" * 64])
def test_a_journal_that_is_no_journal_is_begun_anew(tmp_path: Path, left: bytes) -> None:
    PartialFile(RemoteFile("a", 10), None, tmp_path, 8).close()
    next(tmp_path.glob("*.counts")).write_bytes(left)
    begun = PartialFile(RemoteFile("a", 10), None, tmp_path, 8)
    assert begun.received == 0
    begun.close()


# Several pods


def test_two_pods_fetch_once_and_a_killed_one_is_taken_over_from(
    hub: Hub, start: Callable[..., Popen[str]], store: Path
) -> None:
    hub.allow(2 * MIB)
    first = start()
    hub.wait_until_held()
    second = start()
    assert second.stdout is not None
    assert f"another pod fetches {REPOSITORY} to this volume" in second.stdout.readline()
    await_true(lambda: counted(store) > 0)
    first.kill()
    first.wait()
    here = counted(store)
    hub.ranges.clear()
    hub.allow(None)
    status, said = ended(second)
    assert status == 0, said
    assert sum(end - begin for _, begin, end in hub.ranges) == SIZE - here


def test_many_pods_may_start_with_a_branch_at_once(hub: Hub, store: Path) -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            fetch(hugging_face("main"), store, None, lambda _: None, PACE).lock.close()
        except WeightsError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []
    assert sum(end - begin for _, begin, end in hub.ranges) == SIZE
    assert [path.name for path in (store / "hf/org--model/.revisions").iterdir()] == ["main"]


def test_a_volume_without_locks(hub: Hub, bring: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(WeightsError, match=r"the volume has no locks \(No locks available\)") as caught:
        bring(hugging_face())
    assert caught.value.code == ExitCode.WEIGHTS


# What the network does


def test_a_corrupted_file_is_fetched_again(hub: Hub, bring: Fetch, log: list[str]) -> None:
    hub.corrupt[FIRST] = 1
    hub.corrupt["config.json"] = 1
    assert in_folder(bring(hugging_face()).folder) == LOADED
    assert sum("its bytes are not those that its checksum says" in line for line in log) == 2


def test_a_file_that_is_always_corrupted_is_never_served(hub: Hub, bring: Fetch, store: Path) -> None:
    hub.corrupt[FIRST] = 99
    with pytest.raises(WeightsError, match=f"{FIRST} came 3 times with other bytes than its sha256 says") as caught:
        bring(hugging_face())
    assert caught.value.code == ExitCode.WEIGHTS
    assert not (store / f"hf/org--model/{COMMIT}").exists()


def test_momentary_failures_are_tried_again(hub: Hub, bring: Fetch) -> None:
    hub.failures = [503, 429, 500]
    assert in_folder(bring(hugging_face()).folder) == LOADED


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "2"}, 2),
        # https://huggingface.co/docs/hub/rate-limits
        ({"RateLimit": '"resolvers";r=0;t=2', "RateLimit-Policy": '"fixed window";"resolvers";q=3000;w=300'}, 2),
        ({"RateLimit": '"api";r=7;t=290, "resolvers";r=0;t=2'}, 2),
        ({"RateLimit": '"resolvers";r=7;t=290'}, 0),
        ({"RateLimit": "words", "Retry-After": "words"}, 0),
        ({"Retry-After": "99999"}, 300),
    ],
)
def test_a_hub_that_says_how_long_to_wait(
    hub: Hub, store: Path, log: list[str], monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], seconds: int
) -> None:
    waits: list[float] = []

    class Over(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return self.is_set()

    monkeypatch.setattr("serving.weights.transfer.threading", SimpleNamespace(Event=Over, Thread=threading.Thread))
    hub.failures, hub.failure_headers = [429], headers
    fetch(hugging_face(), store, None, log.append, PACE).lock.close()
    assert waits == [seconds or PACE.first_wait_seconds]
    told = [line for line in log if "asks to wait" in line]
    assert told == ([f"weights: {REPOSITORY}: asks to wait {seconds} s (status 429)"] if seconds else [])


def test_failures_that_last_end_it(hub: Hub, bring: Fetch) -> None:
    hub.failures = [503] * 100
    with pytest.raises(WeightsError, match=r"does not come \(status 503\), after 6 tries") as caught:
        bring(hugging_face())
    assert caught.value.code == ExitCode.CRASHED


def test_a_failure_waits_for_no_connection_that_is_silent(hub: Hub, store: Path) -> None:
    hub.held = {FIRST, SECOND}
    released: list[float] = []

    def refuse() -> None:
        with hub.changed:
            assert hub.changed.wait_for(lambda: hub.fetched[FIRST] == 11 and hub.fetched[SECOND] == 2, timeout=60)
            hub.refusal = (403, "")
            released.append(time.monotonic())
            hub.held.discard(SECOND)
            hub.changed.notify_all()

    threading.Thread(target=refuse).start()
    with pytest.raises(WeightsError, match="refused the token"):
        fetch(hugging_face(), store, None, lambda _: None, Pace(connections=13, part_bytes=MIB // 2))
    # Eleven are still waited for by who asked, of which none is to be waited for in turn.
    assert time.monotonic() - released[0] < 6


def test_a_mirror_without_ranges(hub: Hub, bring: Fetch, store: Path) -> None:
    hub.ignores_ranges = True
    with pytest.raises(WeightsError, match="is not given in ranges, by which downloads go on after a stop") as caught:
        bring(hugging_face())
    assert caught.value.code == ExitCode.WEIGHTS
    shutil.rmtree(store)
    hub.files = {"config.json": FILES["config.json"]}
    assert in_folder(bring(hugging_face()).folder) == hub.files


def test_a_token_is_shown_to_the_hub_and_to_nobody_else(
    hub: Hub, bring: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "hf_right"
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    with serving(dict(FILES)) as content:
        hub.content_from = content.url
        assert in_folder(bring(hugging_face()).folder) == LOADED
        assert set(hub.tokens) == {"hf_right"}
        assert set(content.tokens) == {None}


# Refusals


@pytest.mark.parametrize(
    ("refusal", "code", "sentence"),
    [
        ((403, "GatedRepo"), ExitCode.TOKEN, "accept the model's terms there"),
        ((401, ""), ExitCode.TOKEN, "its hub refused the token"),
        ((404, "RevisionNotFound"), ExitCode.WEIGHTS, "it has no revision"),
        ((404, "RepoNotFound"), ExitCode.WEIGHTS, "its hub knows no such repository, or hides it from this token"),
    ],
)
def test_refusals_say_what_to_change(
    hub: Hub, bring: Fetch, refusal: tuple[int, str], code: ExitCode, sentence: str
) -> None:
    hub.refusal = refusal
    with pytest.raises(WeightsError, match=sentence) as caught:
        bring(hugging_face())
    assert caught.value.code == code


def test_a_name_that_is_none(hub: Hub, bring: Fetch) -> None:
    with pytest.raises(WeightsError, match="it is no name of a repository"):
        bring(HuggingFace("org/model:Q4", None))


@pytest.mark.parametrize(
    ("remote", "module", "package"),
    [(ModelScope("org/model", None), "modelscope_hub", "modelscope-hub"), (Bucket("s3://b/m"), "boto3", "boto3")],
)
def test_a_package_that_the_image_does_not_have(
    bring: Fetch, monkeypatch: pytest.MonkeyPatch, remote: Remote, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(WeightsError, match=f"this image has no package {package}"):
        bring(remote)


def test_a_hub_that_does_not_say_how_large_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told = SimpleNamespace(sha=COMMIT, siblings=[SimpleNamespace(rfilename="a", size=None, lfs=None, blob_id=None)])
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: told)
    with pytest.raises(WeightsError, match="its hub does not say how large a is"):
        hugging_face().listing()


# Room


def test_least_recently_started_models_make_room_and_none_that_is_served(
    hub: Hub, bring: Fetch, store: Path, log: list[str]
) -> None:
    limit = 2.5 * SIZE / 2**30
    folders = []
    for age, name in enumerate(("oldest", "older", "newest")):
        # The hub does not know them, so they stand here as if they had been fetched.
        folder = bring(hugging_face()).folder
        folders.append(folder.with_name(name))
        folder.rename(folders[-1])
        os.utime(folders[-1] / MARKER, (1000 + age, 1000 + age))
    served = Entry(folders[0]).lock()
    assert served.take(shared=True)
    bring(hugging_face(), limit)
    assert [folder.exists() for folder in folders] == [True, False, False]
    assert [line for line in log if "removed" in line] == [
        "weights: removed hf/org--model/older, 0.01 GiB, which nobody used",
        "weights: removed hf/org--model/newest, 0.01 GiB, which nobody used",
    ]
    served.close()


def test_models_that_are_served_leave_no_room(hub: Hub, bring: Fetch) -> None:
    folder = bring(hugging_face()).folder
    other = folder.rename(folder.with_name("other"))
    served = Entry(other).lock()
    assert served.take(shared=True)
    with pytest.raises(
        WeightsError, match=r"fetched from there have 0\.01 GiB, and this one has 0\.01: raise"
    ) as caught:
        bring(hugging_face(), 1.5 * SIZE / 2**30)
    assert caught.value.code == ExitCode.DISK
    assert other.exists()
    served.close()
    bring(hugging_face(), 1.5 * SIZE / 2**30)
    assert not other.exists()


def test_nothing_is_removed_for_a_model_that_is_refused_all_the_same(
    hub: Hub, bring: Fetch, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bring(hugging_face()).folder
    served, unused = folder.with_name("served"), folder.with_name("unused")
    shutil.copytree(folder, served)
    folder.rename(unused)
    os.utime(unused / MARKER, (1000, 1000))
    lock = Entry(served).lock()
    assert lock.take(shared=True)
    with pytest.raises(WeightsError, match="or serve fewer models from this volume"):
        bring(hugging_face(), 1.5 * SIZE / 2**30)
    lock.close()
    # Without both, the disk would still be too small.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=-2 * SIZE))
    with pytest.raises(WeightsError, match="are yet to be fetched: give the weights a larger volume"):
        bring(hugging_face(), 10 * SIZE / 2**30)
    assert in_folder(unused) == in_folder(served) == LOADED
    assert sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) == ["served", "unused"]


def test_a_model_that_is_larger_than_the_limit(hub: Hub, bring: Fetch, store: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"the model alone has 0\.01 GiB, and weights.cacheLimit is 0\.00 GiB: raise it"
    ) as caught:
        bring(hugging_face(), 0.5 * SIZE / 2**30)
    assert caught.value.code == ExitCode.DISK
    assert hub.ranges == []
    assert not Entry(store / f"hf/org--model/{COMMIT}").work.exists()


def test_room_is_set_aside_for_a_model_that_another_pod_fetches(
    hub: Hub, start: Callable[..., Popen[str]], bring: Fetch, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=int(1.5 * SIZE)))
    hub.allow(MIB)
    first = start()
    hub.wait_until_held()
    # The same files under another name are another model.
    with pytest.raises(WeightsError, match=r"are yet to be fetched: give the weights a larger volume") as caught:
        bring(ModelScope(REPOSITORY, None))
    assert caught.value.code == ExitCode.DISK
    first.kill()
    first.wait()
    hub.allow(None)
    assert in_folder(bring(ModelScope(REPOSITORY, None)).folder) == LOADED


def test_a_file_system_that_refuses_to_grow(hub: Hub, start: Callable[..., Popen[str]], store: Path) -> None:
    status, said = ended(start(**{LARGEST_FILE: str(MIB)}))
    assert status == ExitCode.DISK, said
    assert "there is no room left for it (File too large): give the weights a larger volume" in said
    status, said = ended(start())
    assert status == 0, said
    assert in_folder(store / f"hf/org--model/{COMMIT}") == LOADED


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root may mount a small disk")
@pytest.mark.parametrize("filled", [False, True])
def test_a_full_disk(hub: Hub, start: Callable[..., Popen[str]], store: Path, filled: bool) -> None:
    store.mkdir()
    # What else is written there meanwhile is by somebody who has the same disk.
    filler = f"(while [ ! -e {store}/go ]; do sleep 0.05; done; head -c 20m /dev/zero > {store}/f) &"
    mount = f'mount -t tmpfs -o size={12 if filled else 4}m none {store}; {filler if filled else ""} exec "$@"'
    hub.allow(MIB)
    process = start("unshare", "--mount", "sh", "-c", mount, "sh")
    if filled:
        hub.wait_until_held()
        inside = Path(f"/proc/{process.pid}/root{store}")
        (inside / "go").touch()
        await_true(lambda: (inside / "f").exists() and shutil.disk_usage(inside).free == 0)
        hub.allow(None)
    status, said = ended(process)
    assert status == ExitCode.DISK, said
    assert ("there is no room left for it (No space left on device)" if filled else "are yet to be fetched") in said
    assert "Traceback" not in said


def test_a_volume_that_may_not_be_written_to(hub: Hub, bring: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    # By the system's own words: whoever runs these tests may be root, who may write anywhere.
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(WeightsError, match="let the pod's user, 1000, write to the volume") as caught:
        bring(hugging_face())
    assert caught.value.code == ExitCode.WEIGHTS


# ModelScope


@pytest.mark.parametrize("secret", ["canary-token\n", "canary\r\ntoken", "canary-tökén", " canary"])
@pytest.mark.parametrize(
    ("variable", "source"),
    [
        ("MODELSCOPE_API_TOKEN", ModelScope(REPOSITORY, None)),
        ("AWS_ACCESS_KEY_ID", Bucket("s3://bucket/model")),
        ("AWS_SECRET_ACCESS_KEY", Bucket("s3://bucket/model")),
        ("AWS_SESSION_TOKEN", Bucket("s3://bucket/model")),
    ],
)
def test_a_secret_that_no_header_carries_is_refused_and_not_shown(
    bring: Fetch, monkeypatch: pytest.MonkeyPatch, variable: str, source: ModelScope | Bucket, secret: str
) -> None:
    monkeypatch.setenv(variable, secret)
    with pytest.raises(WeightsError, match=rf"{variable} \(not shown\) has a line's end, a space or") as caught:
        bring(source)
    assert caught.value.code == ExitCode.TOKEN
    assert "canary" not in str(caught.value)


def test_a_model_of_modelscope(hub: Hub, bring: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "ms-right"
    with pytest.raises(WeightsError, match="ModelScope refused the token") as caught:
        bring(ModelScope(REPOSITORY, None))
    assert caught.value.code == ExitCode.TOKEN
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms-right")
    hub.corrupt[FIRST] = 1
    fetched = bring(ModelScope(REPOSITORY, None))
    assert in_folder(fetched.folder) == LOADED
    assert fetched.folder.parent.parent.name == "modelscope"
    assert set(hub.tokens) == {"ms-right"}


# Settings


def test_where_weights_come_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def remote(model: str, **values: object) -> str:
        found = remote_of(of({"model": model, "weights_cache": "/cache", **values}))
        return type(found).__name__

    assert remote("org/m") == "HuggingFace"
    assert remote("s3://bucket/m") == "Bucket"
    assert remote(str(tmp_path)) == remote("/not/there") == "NoneType"
    assert remote("org/m", extra_args=("--load-format", "dummy")) == "NoneType"
    assert remote("org/m", weights_cache=None) == "NoneType"
    monkeypatch.setenv("VLLM_USE_MODELSCOPE", "True")
    assert remote("org/m") == "ModelScope"


def test_a_server_answers_to_the_same_names_whatever_it_loads() -> None:
    told = with_folder(of({"model": "org/m", "revision": "main"}), Path("/cache/m"))
    assert (told.model, told.served_names, told.revision) == ("/cache/m", ("org/m",), None)
    named = with_folder(of({"model": "org/m", "served_names": ("a", "b")}), Path("/cache/m"))
    assert named.served_names == ("a", "b")


@pytest.mark.parametrize("size", [0, 7, 8, 9, 16, 20])
def test_a_digest_of_parts_is_that_of_amazon(size: int) -> None:
    data = CHANCE.randbytes(size)
    md5 = partial(hashlib.md5, usedforsecurity=False)
    parts = [data[start : start + 8] for start in range(0, size, 8)]
    wanted = md5(b"".join(md5(part).digest() for part in parts)).hexdigest()
    digest = digest_of(Checksum("md5-of-parts", "", 8), size)
    for start in range(0, size, 3):
        digest.update(data[start : start + 3])
    assert digest.hexdigest() == wanted


def test_the_marker_names_every_file_and_its_size(hub: Hub, bring: Fetch) -> None:
    marker = json.loads((bring(hugging_face()).folder / MARKER).read_text())
    assert marker == {"version": COMMIT, "files": {name: len(data) for name, data in LOADED.items()}}
