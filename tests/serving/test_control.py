import os

import pytest

from serving.control import SLOTS, VARIABLE, Control, Phase


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Control:
    made = Control.create(hung_seconds=7.5)
    monkeypatch.setenv(VARIABLE, str(made.path))
    return made


def test_another_process_sees_what_was_said(control: Control) -> None:
    child = os.fork()
    if child == 0:
        seen = Control.attached()
        seen.slots[seen.claim_slot()] = 3
        seen.report_engine_dead()
        os._exit(int(seen.phase) if seen.hung_seconds == 7.5 else 99)
    control.phase = Phase.READY
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (Phase.STARTING, Phase.READY)
    assert control.in_flight == 3
    assert control.engine_dead
    assert not control.hung
    control.remove()


def test_every_server_counts_for_itself(control: Control) -> None:
    first, second = Control.attached(), Control.attached()
    one, two = first.claim_slot(), second.claim_slot()
    assert abs(one - two) >= 2
    first.slots[one] += 2
    second.slots[two] += 5
    second.slots[two + 1] = 1
    assert control.in_flight == 7
    assert control.hung
    assert (control.phase, control.engine_dead, control.hung_seconds) == (Phase.STARTING, False, 7.5)
    control.remove()
    assert not control.path.exists()


def test_there_are_not_endlessly_many(control: Control) -> None:
    for _ in range(SLOTS - 2):
        control.claim_slot()
    with pytest.raises(RuntimeError, match="254 API servers share this block already: start fewer"):
        control.claim_slot()
    control.remove()


def test_without_a_supervisor_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match=r"there is no MODELYARD_CONTROL, .*: start it with `python -m serving`"):
        Control.attached()
