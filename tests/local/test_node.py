"""Where the node's cgroups lie."""

from pathlib import Path

from local.node import cgroup_folders


def test_one_hierarchy_with_cgroup_v2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").touch()
    (tmp_path / "system.slice").mkdir()
    (tmp_path / "system.slice" / "cgroup.procs").touch()
    assert cgroup_folders(tmp_path) == [tmp_path / "modelyard"]


def test_one_a_controller_with_cgroup_v1(tmp_path: Path) -> None:
    for controller in ("cpu", "memory"):
        (tmp_path / controller).mkdir()
        (tmp_path / controller / "cgroup.procs").touch()
    (tmp_path / "cpuacct").symlink_to("cpu")
    assert cgroup_folders(tmp_path) == [tmp_path / "cpu" / "modelyard", tmp_path / "memory" / "modelyard"]
