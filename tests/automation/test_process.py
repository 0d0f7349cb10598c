"""What Pulumi prints reaches its caller."""

import os
from pathlib import Path

from stacks.automation.process import Pulumi


def test_bytes_that_are_no_utf_8_are_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    program = tmp_path / "pulumi"
    program.write_text(
        "#!/bin/sh\nprintf 'sorted \\377\\n'\nprintf 'error: caf\\351 is full\\n' >&2\nexit 3\n", encoding="utf-8"
    )
    program.chmod(0o755)
    ended = Pulumi(str(program), tmp_path, os.environ).run(["up"])
    assert (ended.code, ended.output, ended.complaints) == (3, "sorted \ufffd\n", "error: caf\ufffd is full\n")
