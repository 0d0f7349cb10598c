"""Rules about Higress's console."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stacks.rules.rule import camel, of_higress

if TYPE_CHECKING:
    from stacks.settings import HigressGatewaySettings

PASSWORD_LENGTH = 12
"""Fewest characters of the administrator's password. The console takes any, and lets everybody try for ever."""
PASSWORD_VARIETY = 5
"""Fewest different characters of it."""


def _console(gateway: "HigressGatewaySettings") -> Iterator[str]:
    console = gateway.console
    if console.domain is None:
        for name in ("tls_secret_name", "annotations"):
            if getattr(console, name):
                yield (
                    f"modelyard:gateway.console.{camel(name)}: given without a domain, under which alone the gateway "
                    "serves the console: write console.domain, or leave it out"
                )
    elif console.domain == gateway.domain:
        yield (
            f"modelyard:gateway.console.domain: {console.domain!r} is the gateway's own, and every path of it belongs "
            "to the models: write another one"
        )
    if ":" in console.admin_user or console.admin_user.strip() != console.admin_user:
        yield (
            f"modelyard:gateway.console.adminUser: {console.admin_user!r} has a colon or a blank at its ends, and with "
            "it nobody can log in by Basic authentication: write a name without"
        )


def _admin_password(gateway: "HigressGatewaySettings") -> Iterator[str]:
    console = gateway.console
    if console.admin_password is None:
        return
    if weakness := _weakness(console.admin_password.get_secret_value(), console.admin_user):
        yield (
            f"modelyard:gateway.console.adminPassword: what is given (not shown) {weakness}: write one of "
            f"{PASSWORD_LENGTH} characters or more, at least {PASSWORD_VARIETY} of them different, or leave it out "
            "for a random one"
        )


def _weakness(password: str, user: str) -> str | None:
    if len(password) < PASSWORD_LENGTH:
        return f"has {len(password)} characters, and the console lets everybody try for ever"
    if len(set(password)) < PASSWORD_VARIETY:
        return f"has {len(set(password))} different characters, and the console lets everybody try for ever"
    if user.lower() in password.lower():
        return "has the administrator's name in it, which is tried first"
    if ":" in password or password.strip() != password or not password.isprintable():
        return "has a colon, a control character or a blank at its ends, and with it nobody can log in"
    return None


CONSOLE_RULES = (of_higress(_console), of_higress(_admin_password))
