import os
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from serving.output import KEPT_BYTES, Output


def passed_on(pieces: Sequence[bytes], hidden: Sequence[bytes] = ()) -> tuple[bytes, str]:
    """What comes out at the other end, and what is kept."""
    source, write = os.pipe()
    read, sink = os.pipe()
    output = Output(hidden)
    output.pass_on(source, sink)
    for piece in pieces:
        os.write(write, piece)
    os.close(write)
    output.wait(10)
    os.close(sink)
    with open(read, "rb") as out:  # noqa: PTH123 - a pipe
        return out.read(), output.end


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20))
def test_everything_comes_through_as_it_was(pieces: list[bytes]) -> None:
    written = b"".join(pieces)
    assert passed_on(pieces) == (written, written.decode(errors="replace"))


@given(st.integers(min_value=0, max_value=40))
def test_a_secret_is_masked_however_it_comes_in(cut: int) -> None:
    line = b"bar 1%\rkey=secret-value and\nsecret-value."
    assert passed_on([line[:cut] or b"\n", line[cut:]], [b"secret-value"])[0].lstrip(b"\n") == (
        b"bar 1%\rkey=*** and\n***."
    )


def test_only_the_end_is_kept() -> None:
    source, write = os.pipe()
    sink = os.open(os.devnull, os.O_WRONLY)
    output = Output(())
    output.pass_on(source, sink)
    for number in range(KEPT_BYTES // 8):
        os.write(write, b"%08d line\n" % number)
    os.close(write)
    output.wait(20)
    os.close(sink)
    assert len(output.end) == KEPT_BYTES
    assert output.end.endswith(f"{KEPT_BYTES // 8 - 1:08d} line\n")
