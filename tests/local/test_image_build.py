"""Images as buildah really writes them."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from local.image_build import Recipe, build_image
from local.shell import CommandError


class Archive:
    """An OCI archive, read."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            self._blobs = {name: file.read() for name in tar.getnames() if (file := tar.extractfile(name))}
        [self.entry] = self._json("index.json")["manifests"]
        self.manifest = self._json(self._blob(self.entry))
        self.config = self._json(self._blob(self.manifest["config"]))

    def _json(self, name: str) -> Any:
        return json.loads(self._blobs[name])

    def _blob(self, descriptor: dict[str, str]) -> str:
        return f"blobs/{descriptor['digest'].replace(':', '/')}"

    @property
    def layers(self) -> list[str]:
        return [layer["digest"] for layer in self.manifest["layers"]]

    def files(self, layer: int) -> dict[str, tarfile.TarInfo]:
        content = io.BytesIO(self._blobs[self._blob(self.manifest["layers"][layer])])
        with tarfile.open(fileobj=content) as tar:
            return {member.name: member for member in tar.getmembers() if member.isfile()}


def build(folder: Path, name: str, **recipe: Any) -> Archive:
    archive = folder / f"{name}.tar"
    with (folder / "log").open("w") as log:
        build_image(Recipe(reference=f"modelyard.local/{name}:1", **recipe), archive, log)
    return Archive(archive)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    os.chown(program, 1234, 1234)
    return program


def test_an_image_of_one_program(tmp_path: Path, program: Path) -> None:
    image = build(tmp_path, "tool", files={"/bin/tool": program}, entrypoint=("/bin/tool", "-x"), user="65535")
    assert image.entry["annotations"]["org.opencontainers.image.ref.name"] == "modelyard.local/tool:1"
    assert image.config["config"]["Entrypoint"] == ["/bin/tool", "-x"]
    assert image.config["config"]["User"] == "65535"
    assert "Cmd" not in image.config["config"]
    [(name, file)] = image.files(0).items()
    assert (name, file.mode & 0o777, file.uid, file.gid) == ("bin/tool", 0o755, 0, 0)


def test_an_image_on_another_keeps_its_layer_and_environment(tmp_path: Path, program: Path) -> None:
    base = build(tmp_path, "base", files={"/bin/tool": program}, env={"PATH": "/bin"})
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("x = 1\n")
    image = build(
        tmp_path, "top", base=tmp_path / "base.tar", files={"/opt/package": package}, env={"PYTHONPATH": "/opt"}
    )
    assert image.layers[:-1] == base.layers
    assert image.config["config"]["Env"] == ["PATH=/bin", "PYTHONPATH=/opt"]
    assert list(image.files(1)) == ["opt/package/module.py"]


def test_the_same_files_give_the_same_image(tmp_path: Path, program: Path) -> None:
    first = build(tmp_path, "tool", files={"/tool": program})
    os.utime(program, (1, 1))
    second = build(tmp_path, "tool", files={"/tool": program})
    assert first.entry["digest"] == second.entry["digest"]


def test_a_failed_build_leaves_what_was_there(tmp_path: Path, program: Path) -> None:
    build(tmp_path, "tool", files={"/tool": program})
    before = hashlib.sha256((tmp_path / "tool.tar").read_bytes()).digest()
    with pytest.raises(CommandError):
        build(tmp_path, "tool", files={"/tool": tmp_path / "missing"})
    assert hashlib.sha256((tmp_path / "tool.tar").read_bytes()).digest() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "program", "tool.tar"]


def test_what_a_stopped_build_left_is_no_hindrance(tmp_path: Path, program: Path) -> None:
    (tmp_path / "tool.tar.build" / "storage").mkdir(parents=True)
    build(tmp_path, "tool", files={"/tool": program})
    assert not (tmp_path / "tool.tar.build").exists()
