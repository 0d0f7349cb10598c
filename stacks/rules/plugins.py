"""Rules about Higress's plugins."""

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import GatewayRule, of_higress

if TYPE_CHECKING:
    from stacks.settings import HigressGatewaySettings

_GROK = re.compile(r"%\{[^{}]*\}")
_POSIX_CLASS = re.compile(r"\[:\^?[a-z]+:\]")
_UNCLOSED = ("unterminated", "missing )", "unbalanced parenthesis")


def _one_image(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for name, plugin in gateway.plugins.items():
        given = [each for each in ("url", "digest", "version") if getattr(plugin, each)]
        if len(given) > 1:
            yield (
                f"modelyard:gateway.plugins.{name}: {' and '.join(given)} are given, and each says by itself what is "
                f"loaded: keep {given[0]}, and remove {' and '.join(given[1:])}"
            )


def _masks_something(gateway: "HigressGatewaySettings") -> Iterator[str]:
    masking = gateway.data_masking
    if masking and not masking.masks and not masking.deny_words:
        yield (
            "modelyard:gateway.dataMasking: neither masks nor denyWords is given, so every request would be read for "
            "nothing: write one of them, or leave dataMasking out"
        )


def _masks_close(gateway: "HigressGatewaySettings") -> Iterator[str]:
    for position, mask in enumerate(gateway.data_masking.masks if gateway.data_masking else ()):
        if problem := _unclosed(mask.pattern):
            yield (
                f"modelyard:gateway.dataMasking.masks[{position}].pattern: {mask.pattern!r} has a bracket or a "
                f"parenthesis without its other half ({problem}), and with such a pattern the plugin would stop every "
                "request: close it, or put a backslash before one that is meant as it stands"
            )


def _unclosed(pattern: str) -> str | None:
    """What is not closed, or None. Whatever else Python's engine has against it, the plugin's may know."""
    # Python takes a class of POSIX for a set that ends with it.
    plain = _POSIX_CLASS.sub("x", _GROK.sub("x", pattern))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(plain)
    except re.error as error:
        return error.msg if any(each in error.msg for each in _UNCLOSED) else None
    except (OverflowError, RecursionError):
        return None
    return None


_GATEWAY_RULES: tuple[GatewayRule, ...] = (_one_image, _masks_something, _masks_close)
PLUGIN_RULES = tuple(map(of_higress, _GATEWAY_RULES))
