"""Kinds of arguments that several benchmarks take."""

import argparse
import math
from pathlib import Path


def at_least_one(text: str) -> int:
    """A number of rounds, seconds, models or the like, as ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: where it is none, or less than one.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        message = f"'{text}' is no whole number from 1 on"
        raise argparse.ArgumentTypeError(message)
    return number


def above_zero(text: str) -> float:
    """A rate, a size or the like, as ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: where it is none, or not above zero.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        message = f"'{text}' is no number above 0"
        raise argparse.ArgumentTypeError(message)
    return number


def existing(text: str) -> Path:
    """A file that is read, as ``type`` of an argument.

    Raises:
        argparse.ArgumentTypeError: where there is no such file.
    """
    if not Path(text).is_file():
        message = f"there is no file '{text}'"
        raise argparse.ArgumentTypeError(message)
    return Path(text)
