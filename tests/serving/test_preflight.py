"""The checks before a start, each with what it needs laid out in a folder."""

import json
import socket
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from serving.exits import ExitCode
from serving.preflight import gpus as gpu_checks
from serving.preflight import host, model, preflight
from serving.preflight.finding import Finding
from serving.preflight.gpus import Gpu, NoNvidiaError, Nvidia
from serving.settings import ServingSettings, of

H200 = Gpu("NVIDIA H200", total_gib=140.0, free_gib=139.0)
DRIVER = Nvidia("580.95.05", (13, 0), (H200,))


def settings(**values: object) -> ServingSettings:
    return of({"model": "/model", **values})


def safetensors(file: Path, *, size: int = 6) -> Path:
    header = json.dumps(
        {"__metadata__": {"format": "pt"}, "w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    ).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model in two files, with an index."""
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    files = [safetensors(tmp_path / f"model-{part}.safetensors").name for part in (1, 2)]
    weight_map = {"a": files[0], "b": files[0], "c": files[1]}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return tmp_path


def weights(folder: Path) -> Finding:
    return model.weights(settings(model=str(folder)))


def refused(finding: Finding, code: ExitCode) -> str:
    assert (finding.outcome, finding.code) == ("failed", code)
    return finding.text


def test_whole_weights(folder: Path) -> None:
    assert weights(folder).text == "2 files, 0.00 GiB"
    assert model.config(settings(model=str(folder))).text == "LlamaForCausalLM"


def test_a_file_that_the_index_names_is_missing(folder: Path) -> None:
    (folder / "model-2.safetensors").unlink()
    assert refused(weights(folder), ExitCode.WEIGHTS) == (
        f"the index names model-2.safetensors, and {folder} does not have it: fetch the weights again"
    )


def test_a_file_that_is_cut_off(folder: Path) -> None:
    file = folder / "model-1.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert refused(weights(folder), ExitCode.WEIGHTS) == (
        f"{file} has {len(whole) - 1} bytes, and its header says {len(whole)}: fetch the weights again"
    )


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x02\0\0\0\0\0\0\0[]", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0{"])
def test_a_file_that_is_something_else(folder: Path, content: bytes) -> None:
    file = folder / "model-1.safetensors"
    file.write_bytes(content)
    assert refused(weights(folder), ExitCode.WEIGHTS) == (
        f"{file} does not begin with a header of safetensors: it is cut off or another file: fetch the weights again"
    )


def test_an_index_that_is_cut_off(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a"')
    assert "is no JSON (" in refused(weights(folder), ExitCode.WEIGHTS)


def test_an_index_without_files(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text("{}")
    assert "has no weight_map, which says what file a weight is in" in refused(weights(folder), ExitCode.WEIGHTS)


def test_no_weights_at_all(tmp_path: Path) -> None:
    assert refused(weights(tmp_path), ExitCode.WEIGHTS) == (
        f"{tmp_path} has no weights (*.safetensors, *.bin, *.pt, *.pth, *.gguf): correct the model's source, or copy "
        "its whole repository there"
    )


def test_no_folder_at_all(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert refused(weights(gone), ExitCode.WEIGHTS) == (
        f"there is no {gone} in this container: correct the model's source, or the mount that should bring it"
    )


def test_weights_in_other_formats_and_places(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    assert weights(tmp_path).outcome == "skipped"
    assert model.weights(settings(model="org/name")).text == "org/name is fetched by vLLM"
    assert model.weights(settings(model=str(tmp_path), extra_args=("--load-format", "dummy"))).outcome == "skipped"


def test_a_model_without_a_configuration(tmp_path: Path) -> None:
    found = model.config(settings(model=str(tmp_path)))
    assert refused(found, ExitCode.MODEL_CONFIG) == (
        f"{tmp_path} has no config.json, from which vLLM learns what model it is: correct the model's source, or copy "
        "its whole repository there"
    )


@pytest.mark.parametrize(("content", "why"), [("{", "is no JSON ("), ("[]", "holds no JSON object")])
def test_a_configuration_that_is_none(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert why in refused(model.config(settings(model=str(tmp_path))), ExitCode.MODEL_CONFIG)


def test_the_gpus_are_there() -> None:
    assert gpu_checks.gpus(settings(gpu_model="NVIDIA-H200"), [H200, H200]).text == "2 (NVIDIA H200)"


@pytest.mark.parametrize(
    ("seen", "values", "text"),
    [
        (
            [H200],
            {"tensor_parallel_size": 2},
            "1 (NVIDIA H200) seen, and the engine is spread over 2 on this node: give the model that many gpus, or "
            "lower engine.tensorParallelSize, engine.pipelineParallelSize or engine.dataParallelSize",
        ),
        (
            [],
            {},
            "none seen, and the engine is spread over 1 on this node: give the model that many gpus, or lower "
            "engine.tensorParallelSize, engine.pipelineParallelSize or engine.dataParallelSize",
        ),
        (
            [H200],
            {"gpu_model": "L40S"},
            "1 (NVIDIA H200) seen, and 'L40S' was expected: the model's memory and settings were chosen for that one. "
            "Correct the pool's gpuModel, or its node selector",
        ),
    ],
)
def test_other_gpus_than_expected(seen: list[Gpu], values: dict[str, object], text: str) -> None:
    assert refused(gpu_checks.gpus(settings(**values), seen), ExitCode.GPUS) == text


def test_gpus_of_one_node_of_several() -> None:
    spread = settings(tensor_parallel_size=8, pipeline_parallel_size=2, nnodes=2)
    assert gpu_checks.needed_gpus(spread) == 8


def test_the_driver_knows_the_same_major_version() -> None:
    assert gpu_checks.driver(DRIVER, (13, 2)).outcome == "ok"
    assert gpu_checks.driver(DRIVER, None).outcome == "skipped"


def test_a_driver_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    old = Nvidia("550.54.14", (12, 4), (H200,))
    assert refused(gpu_checks.driver(old, (13, 0)), ExitCode.DRIVER) == (
        "driver 550.54.14 knows CUDA 12.4, and this vLLM was built with CUDA 13.0: take nodes with a newer driver, or "
        "an image for CUDA 12 (serving.image)"
    )
    monkeypatch.setenv("VLLM_ENABLE_CUDA_COMPATIBILITY", "1")
    assert gpu_checks.driver(old, (13, 0)).outcome == "ok"


def test_gpu_memory_that_is_taken() -> None:
    taken = Gpu("NVIDIA H200", total_gib=140.0, free_gib=100.0)
    found = gpu_checks.free_memory(settings(tensor_parallel_size=2), [H200, taken])
    assert refused(found, ExitCode.GPU_MEMORY_TAKEN) == (
        "GPU 1 has 100.0 of 140.0 GiB free, and vLLM takes 0.92 of it, 128.8 GiB, at its start: end the process that "
        "has the rest, or set engine.gpuMemoryUtilization to at most 0.71"
    )
    assert gpu_checks.free_memory(settings(gpu_memory_utilization=0.7), [taken]).outcome == "ok"
    assert gpu_checks.free_memory(settings(kv_cache_memory_bytes=1), [taken]).outcome == "skipped"


class NvmlError(Exception):
    pass


def nvml(**functions: object) -> SimpleNamespace:
    """NVML's Python package, as nvidia-ml-py has it."""
    memory = SimpleNamespace(total=140 * 2**30, free=139 * 2**30, used=2**30)
    values = {
        "NVMLError": NvmlError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "580.95.05",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 13000,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda handle: "NVIDIA H200",
        "nvmlDeviceGetMemoryInfo": lambda handle: memory,
    }
    return SimpleNamespace(**{**values, **functions})


def test_nvml_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", nvml())
    assert gpu_checks.nvml() == DRIVER


def test_a_container_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise NvmlError("NVML Shared Library Not Found")

    monkeypatch.setitem(__import__("sys").modules, "pynvml", nvml(nvmlInit=fail))
    monkeypatch.setattr(gpu_checks, "version", lambda package: "1.0")
    with pytest.raises(NoNvidiaError, match="Not Found"):
        gpu_checks.nvml()
    (found,) = gpu_checks.gpu_findings(settings())
    assert refused(found, ExitCode.GPUS).startswith(
        "NVIDIA's driver does not answer in this container (NVML Shared Library Not Found), and this vLLM is built for "
        "CUDA: check that the pod asks for GPUs (gpus)"
    )


@pytest.mark.parametrize(
    ("versions", "text"),
    [
        ({"vllm": "0.32.0+cpu"}, "this vLLM is built for cpu, and only NVIDIA's GPUs are looked at"),
        (
            {"vllm": "0.32.0", "torch": "2.13.0+rocm7.1"},
            "this vLLM is built for rocm, and only NVIDIA's GPUs are looked at",
        ),
    ],
)
def test_other_builds_are_not_looked_at(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], text: str) -> None:
    def version(package: str) -> str:
        if package not in versions:
            raise PackageNotFoundError
        return versions[package]

    monkeypatch.setattr(gpu_checks, "version", version)
    (found,) = gpu_checks.gpu_findings(settings())
    assert (found.outcome, found.text) == ("skipped", text)


def usage(free_gib: float) -> object:
    return lambda folder: SimpleNamespace(free=int(free_gib * 2**30))


def test_shared_memory_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", usage(0.0625))
    assert host.shared_memory(settings()).outcome == "ok"
    found = host.shared_memory(settings(tensor_parallel_size=4))
    assert refused(found, ExitCode.SHARED_MEMORY) == (
        f"{host.SHARED_MEMORY} has 0.06 GiB free, and 4 GPUs of one engine exchange data there, for which they need "
        "1 GiB: set the model's sharedMemory to at least 2Gi"
    )


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        found = host.port(settings(host="127.0.0.1", port=number))
    assert refused(found, ExitCode.PORT) == (
        f"127.0.0.1:{number} cannot be listened on (Address already in use): end what has the port, or set "
        "MODELYARD_HOST and MODELYARD_PORT to an address of this container and a free port"
    )
    assert host.port(settings(host="127.0.0.1", port=number)).outcome == "ok"


def test_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("HF_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    assert host.token(settings()).outcome == "skipped"
    gated = settings(model="org/gated", token_required=True)
    assert refused(host.token(gated), ExitCode.TOKEN) == (
        f"there is no HF_TOKEN and no {tmp_path}/token, and org/gated is only given to who has accepted its terms: put "
        "a token of an account that has into the Secret that HF_TOKEN comes from"
    )
    (tmp_path / "token").write_text("hf_x")
    assert host.token(gated).outcome == "ok"
    (tmp_path / "token").unlink()
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    assert host.token(gated).outcome == "ok"


def test_a_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "not" / "yet"))
    monkeypatch.setattr("shutil.disk_usage", usage(10))
    assert host.disk(settings(model="org/m")).outcome == "skipped"
    assert host.disk(settings(model="org/m", weights_gib=9.0)).outcome == "ok"
    found = host.disk(settings(model="org/m", weights_gib=16.0))
    assert refused(found, ExitCode.DISK) == (
        f"{tmp_path}/not/yet has 10.0 GiB free, and 16.0 GiB of org/m are yet to be fetched: give the weights a larger "
        "volume, or remove other models from it"
    )
    blobs = tmp_path / "not" / "yet" / "models--org--m" / "blobs"
    blobs.mkdir(parents=True)
    with (blobs / "x").open("wb") as blob:
        blob.truncate(7 * 2**30)
    assert host.disk(settings(model="org/m", weights_gib=16.0)).text == "10.0 GiB free for 9.0 GiB"


def test_every_check_has_its_line(folder: Path) -> None:
    found = [finding.check for finding in preflight(settings(model=str(folder), host="127.0.0.1", port=1))]
    assert found == ["gpus", "shared-memory", "port", "token", "disk", "model-config", "weights"]
