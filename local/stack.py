"""What the embedded cluster has to know of the local stack."""

from urllib.parse import urlsplit

import yaml

from local.paths import CHECKOUT
from stacks.settings import StackSettings, load_config


def local_settings() -> StackSettings:
    """The settings of ``stacks/Pulumi.local.yaml``.

    Raises:
        SettingsError: when the file cannot work.
    """
    config = yaml.safe_load((CHECKOUT / "stacks" / "Pulumi.local.yaml").read_text())["config"]
    return load_config(config)


def gateway_port(settings: StackSettings) -> int:
    """The loopback port that the stack's base URL names."""
    parts = urlsplit(settings.gateway.base_url or "")
    return parts.port or 8080
