"""What the embedded cluster has to know of the local stack."""

from urllib.parse import urlsplit

from stacks.settings import StackSettings
from stacks.stack_file import FOLDER, read


def local_settings() -> StackSettings:
    """The settings of ``stacks/Pulumi.local.yaml``.

    Raises:
        SettingsError: when the file cannot work.
    """
    return read(FOLDER / "Pulumi.local.yaml")


def gateway_port(settings: StackSettings) -> int:
    """The loopback port that the stack's base URL names."""
    parts = urlsplit(settings.gateway.base_url or "")
    return parts.port or 8080
