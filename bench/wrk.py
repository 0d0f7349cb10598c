"""Load by wrk, over connections that are kept."""

import json
import re
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.servers import KEY
from local.errors import LocalError

_HEAD = """\
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer %s"
"""
_ONE = "wrk.body = %s\n"
# Made once: wrk would make each request anew.
_SEVERAL = """\
local bodies, requests, last = {%s}, {}, 0
init = function()
  for number, body in ipairs(bodies) do requests[number] = wrk.format(nil, nil, nil, body) end
end
request = function()
  last = last %% #requests + 1
  return requests[last]
end
"""
_DONE = """\
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d\\n",
    latency:percentile(50), latency:percentile(99), summary.requests, summary.duration, failed))
end
"""


@dataclass(frozen=True)
class Sample:
    """One run of the load generator."""

    p50_us: float
    p99_us: float
    requests_per_second: float
    failed: int


def check() -> None:
    """Look whether wrk is there.

    Raises:
        LocalError: where it is not.
    """
    if shutil.which("wrk") is None:
        raise LocalError("'wrk' is not on PATH, and makes the load.", "apt-get install wrk")


def write_script(file: Path, bodies: Sequence[str]) -> None:
    """Write what wrk sends: bodies of JSON, in turn."""
    quoted = ",".join(json.dumps(body) for body in bodies)
    file.write_text(_HEAD % KEY + (_SEVERAL if len(bodies) > 1 else _ONE) % quoted + _DONE)


def load(script: Path, url: str, connections: int, seconds: int) -> Sample:
    """Send as many requests as are answered, with one thread."""
    arguments = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s", "-s", str(script), url]
    output = subprocess.run(["wrk", *arguments], capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    assert found, output
    p50, p99, requests, duration, failed = map(int, found.groups())
    return Sample(p50, p99, requests / duration * 1e6, failed)


def median(samples: Sequence[Sample]) -> Sample:
    """The medians of several runs, and all of their failed requests."""
    return Sample(
        statistics.median(each.p50_us for each in samples),
        statistics.median(each.p99_us for each in samples),
        statistics.median(each.requests_per_second for each in samples),
        sum(each.failed for each in samples),
    )
