"""What is refused before anything is made."""

import os
import platform
import re
import shutil
import socket
from pathlib import Path

import psutil
import pytest

from local import setup, toolchain
from local.errors import LocalError
from local.forward import start_forward
from local.paths import Paths
from local.steps import Step


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(LocalError, match=r"(?s)This is Darwin on .*kind: existing"):
        setup.check_machine()


def test_another_user_than_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalError, match="takes root, and this user has the ID 1000"):
        setup.check_machine()


def test_a_full_disk_is_refused_before_the_downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2**40, 2**40 - 2**30, 2**30))
    step = Step("big", lambda: "1", lambda log: None, (), "", disk_gib=7)
    with pytest.raises(LocalError, match=r"has 1\.0 GiB free, and what is still to be made needs 7\.0 GiB"):
        setup.check_disk(Paths(tmp_path), [step])


def test_a_missing_go_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalError, match="There is no 'go' on PATH"):
        toolchain.check_go()


def test_an_old_go_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LocalError, match=r"'go version go1\.19\.8 linux/amd64', and the modules need 1\.26"):
        toolchain.check_go()


@pytest.mark.parametrize(("version", "used"), [("v3.255.0", True), ("v3.254.9", False), ("garbage", False)])
def test_pulumi_on_path_is_used_when_recent_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, used: bool
) -> None:
    for name in ("pulumi", "pulumi-language-python"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = toolchain.installed_pulumi(Path("/elsewhere"))
    assert found == (tmp_path / "pulumi" if used else None)


def test_pulumi_without_its_python_host_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho v3.255.0\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.installed_pulumi(Path("/elsewhere")) is None


def test_a_port_in_use_names_its_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A forward that somebody has is not this test's to end.
    monkeypatch.setattr("local.forward.stop_forwards", lambda: None)
    (tmp_path / "logs").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        name = re.escape(psutil.Process().name())
        with pytest.raises(LocalError, match=rf"says port {port}, and '{name}' \(process {os.getpid()}\) listens"):
            start_forward(Paths(tmp_path), port, 30080)
