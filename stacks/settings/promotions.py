"""Shares of a route that count in place of those of the stack's files."""

from stacks.settings.base import Settings
from stacks.settings.routes import HeaderName, HeaderValue, UpstreamSettings


class PromotionSettings(Settings):
    """A route whose shares were moved since its stack file was written: a canary that was promoted or rolled back."""

    route: str
    """The route's ``model``."""
    headers: dict[HeaderName, HeaderValue] = {}
    """Its headers, where it has some."""
    upstreams: tuple[UpstreamSettings, ...]
    """The same models as there, with the shares that count."""
    instead_of: tuple[UpstreamSettings, ...] = ()
    """What the files said then. When they say something else, that counts. The program fills it in."""
