"""Programs that are not cut off by Ctrl+C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from local.paths import CHECKOUT
from local.shell import run_to_its_end

CHILD = """
import signal, sys, time
from pathlib import Path

def end(*_):
    time.sleep(1)
    Path(sys.argv[1]).write_text("ended")
    sys.exit(7)

signal.signal(signal.SIGINT, end)
print("begun", flush=True)
time.sleep(600)
"""
PARENT = """
import os, sys
from pathlib import Path
from local.shell import run_to_its_end

try:
    run_to_its_end([sys.executable, "-c", *sys.argv[1:]], cwd=Path.cwd(), env=dict(os.environ))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_a_program_has_time_to_end_after_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "file"
    command = [sys.executable, "-c", PARENT, CHILD, str(file)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        # As a terminal does it: to all that it has started.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
    assert file.read_text() == "ended"
    assert process.returncode == 130


def test_what_a_program_prints_and_ends_with() -> None:
    words = [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"]
    done = run_to_its_end(words, cwd=CHECKOUT, env=dict(os.environ), capture=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
