"""The Wasm plugins: which versions, where from, in which order, and the object that puts one on the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.manifests.higress import names
from components.manifests.objects import Manifest
from stacks.settings import PluginName, StackSettings

REGISTRY = "higress-registry.cn-hangzhou.cr.aliyuncs.com"
"""Where Higress publishes images and plugins."""

Phase = Literal["AUTHN", "AUTHZ", "UNSPECIFIED_PHASE"]
"""When a plugin runs, in this order."""


@dataclass(frozen=True)
class Plugin:
    """A Wasm plugin, as version 2.2.4 of the console knows it."""

    title: str
    """What the console calls it."""
    category: str
    """The group that the console shows it in."""
    version: str
    """Tag of its image."""
    phase: Phase
    """When it runs."""
    priority: int
    """Its place in the phase: higher runs first."""
    fails_open: bool = False
    """Whether requests go on without it. Only where the answer is right without it, too."""
    console_version: str | None = None
    """The version that the console has in labels and names, where it isn't the tag's."""


PLUGINS: dict[PluginName, Plugin] = {
    "ai-data-masking": Plugin("AI data masking", "ai", "2.0.1", "AUTHN", 991),
    # The console has it behind key-auth, which would refuse a browser's preflight: that carries no key.
    "cors": Plugin("CORS", "security", "2.0.2", "AUTHN", 950),
    "model-router": Plugin("AI Model Router", "ai", "2.0.1", "AUTHN", 900),
    "model-mapper": Plugin("AI Model Mapper", "ai", "2.0.1", "AUTHN", 800),
    "jwt-auth": Plugin("JWT Auth", "auth", "2.0.0", "AUTHN", 340, console_version="1.0.0"),
    "key-auth": Plugin("Key Auth", "auth", "2.0.0", "AUTHN", 310, console_version="1.0.0"),
    "ip-restriction": Plugin("IP Restriction", "security", "2.0.1", "AUTHN", 210),
    "ai-statistics": Plugin("AI Statistics", "ai", "2.0.1", "UNSPECIFIED_PHASE", 900, fails_open=True),
    "ai-cache": Plugin("AI 缓存", "ai", "2.0.1", "UNSPECIFIED_PHASE", 800, fails_open=True),
    "ai-quota": Plugin("AI Quota", "ai", "2.0.1", "UNSPECIFIED_PHASE", 750),
    "ai-token-ratelimit": Plugin("AI Token Rate Limit", "ai", "2.0.1", "UNSPECIFIED_PHASE", 600),
    "ai-security-guard": Plugin("AI Security Guard", "ai", "2.0.1", "UNSPECIFIED_PHASE", 300),
    "ai-proxy": Plugin("AI Proxy", "ai", "2.0.1", "UNSPECIFIED_PHASE", 100),
    "ai-load-balancer": Plugin("AI LOAD BALANCER", "ai", "2.0.1", "UNSPECIFIED_PHASE", 50, fails_open=True),
}
"""Every plugin that the program may put on the gateway."""


def url(stack: StackSettings, name: PluginName) -> str:
    """Where the stack's gateway loads the plugin from: its own address, its mirror's, or Higress's."""
    own = stack.higress.plugins.get(name)
    if own and own.url:
        return own.url
    repository = f"oci://{stack.image_mirror or REGISTRY}/plugins/{name}"
    if own and own.digest:
        return f"{repository}@{own.digest}"
    return f"{repository}:{(own and own.version) or PLUGINS[name].version}"


def rule(config: dict[str, Any], *, ingresses: Sequence[str] = (), services: Sequence[str] = ()) -> dict[str, Any]:
    """What a plugin is told for some routes, some services, or some services on some routes."""
    return {
        **({"ingress": list(ingresses)} if ingresses else {}),
        **({"service": list(services)} if services else {}),
        "config": config,
        "configDisable": False,
    }


def wasm_plugin(
    stack: StackSettings,
    name: PluginName,
    *,
    default: dict[str, Any] | None = None,
    rules: Sequence[dict[str, Any]] = (),
    internal: bool = True,
) -> Manifest:
    """The object that puts a plugin on the gateway.

    Args:
        stack: the stack.
        name: the plugin.
        default: what it is told for every request. None: it does nothing where no rule matches.
        rules: what it is told for some, made by ``rule``. The first that matches counts.
        internal: whether the console keeps it for itself, as it does with what AI routes are made of.
    """
    plugin = PLUGINS[name]
    shown = plugin.console_version or plugin.version
    pull_secret = stack.higress.plugin_pull_secret
    return {
        "apiVersion": "extensions.higress.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": names.metadata(
            stack,
            f"{name}{names.INTERNAL}" if internal else f"{name}-{shown}",
            labels={
                "higress.io/wasm-plugin-name": name,
                "higress.io/wasm-plugin-version": shown,
                "higress.io/wasm-plugin-category": plugin.category,
                "higress.io/wasm-plugin-built-in": "true",
            },
            annotations={"higress.io/wasm-plugin-title": plugin.title},
        ),
        "spec": {
            "url": url(stack, name),
            "imagePullPolicy": "UNSPECIFIED_POLICY",
            **({"imagePullSecret": pull_secret} if pull_secret else {}),
            "phase": plugin.phase,
            "priority": plugin.priority,
            # The console lets every plugin fail open, key-auth too: then anybody may call while it does not load.
            "failStrategy": "FAIL_OPEN" if plugin.fails_open else "FAIL_CLOSE",
            **({} if default is None else {"defaultConfig": default}),
            "defaultConfigDisable": default is None,
            "matchRules": list(rules),
        },
    }
