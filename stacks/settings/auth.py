"""Who may call the gateway, and how much."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from stacks.settings.base import Form, Name, Settings


class TokenLimitSettings(Settings):
    """Most tokens, prompt and answer together, in a span of time. At least one span has to be given."""

    per_second: int | None = Field(default=None, ge=1)
    """Tokens in a second."""
    per_minute: int | None = Field(default=None, ge=1)
    """Tokens in a minute."""
    per_hour: int | None = Field(default=None, ge=1)
    """Tokens in an hour."""
    per_day: int | None = Field(default=None, ge=1)
    """Tokens in a day."""

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if not self.spans:
            raise PydanticCustomError(
                "no_span", "a limit of no span of time limits nothing: write perSecond, perMinute, perHour or perDay"
            )
        return self

    @property
    def spans(self) -> dict[str, int]:
        """The limits that are given, by ``second``, ``minute``, ``hour`` and ``day``."""
        given = {
            "second": self.per_second,
            "minute": self.per_minute,
            "hour": self.per_hour,
            "day": self.per_day,
        }
        return {span: tokens for span, tokens in given.items() if tokens is not None}


class JwtSettings(Settings):
    """JSON Web Tokens by which a consumer is known."""

    issuer: str = Field(min_length=1)
    """The tokens' ``iss``."""
    jwks: str = Field(min_length=1)
    """The issuer's public keys, as the JSON text of a JWK set."""
    header: Annotated[
        str,
        Form(
            r"^[A-Za-z0-9][A-Za-z0-9-]*$",
            "is no name of a request header: use letters, digits and '-', and begin with no '-'",
        ),
    ] = "Authorization"
    """Request header that carries the token."""
    prefix: str = "Bearer "
    """What stands before the token in that header."""
    clock_skew_seconds: int = Field(default=60, ge=0)
    """How far the clocks of issuer and gateway may differ."""


class ConsumerSettings(Settings):
    """Somebody who calls the gateway, known by an API key or by a token."""

    name: Name
    """Name in logs, metrics and the routes' ``consumers``."""
    keys: tuple[SecretStr, ...] = ()
    """API keys, sent as ``Authorization: Bearer <key>`` or ``x-api-key``. Set them with ``--secret``."""
    jwt: JwtSettings | None = None
    """Tokens instead of keys."""
    token_limit: TokenLimitSettings | None = None
    """Most tokens that the consumer may use, over all routes."""


class QuotaSettings(Settings):
    """A budget of tokens for each consumer, kept in Redis and filled by an administrator.

    Until it has one, a consumer is refused.
    """

    admin_consumer: Name
    """The consumer who may fill and read budgets."""
    admin_path: Annotated[str, Form(r"^/.+$", "is no path: write one that begins with '/', such as /quota")] = "/quota"
    """Where it does so, behind a chat path: ``/v1/chat/completions/quota``."""


class GatewayAuthSettings(Settings):
    """Who may call the gateway."""

    consumers: tuple[ConsumerSettings, ...] = ()
    """Everybody who may. With none, the gateway asks for no key."""
    quota: QuotaSettings | None = None
    """Budgets of tokens. Default: consumers have none."""
