"""What becomes of a promise that is looked at several times."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stacks.kubectl import Kubectl
from stacks.verify import verification
from stacks.verify.report import Verdict
from stacks.verify.run import Check, Found, Run
from tests.verify.conftest import CHAIN

BROKEN: Found = ("failed", "it is broken")
UNKNOWN: Found = ("not checked", "the limit is used up")
KEPT: Found = ("passed", "as promised")


@pytest.mark.parametrize(
    ("looks", "outcome"),
    [
        ([KEPT], KEPT),
        ([UNKNOWN], UNKNOWN),
        ([BROKEN, BROKEN, KEPT], KEPT),
        # The looks themselves may have used up the limit, and the first ones said enough.
        ([BROKEN, UNKNOWN, UNKNOWN], BROKEN),
        ([BROKEN, UNKNOWN, KEPT], KEPT),
    ],
)
def test_what_was_broken_stays_so_until_it_is_kept(
    looks: list[Found], outcome: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0.02)
    left = list(looks)
    told: list[Verdict] = []
    check = Check("plain", "first", "an answer", lambda: left.pop(0) if len(left) > 1 else left[0])
    run = Run(CHAIN, Kubectl("kubectl", None, None, "default"), None, time.monotonic() + 0.5)
    with ThreadPoolExecutor(1) as pool:
        (verdict,) = verification._settled(run, [check], pool, told.append)
    assert (verdict.outcome, verdict.why) == outcome
    assert told == [verdict]
