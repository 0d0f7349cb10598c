"""Every setting of a stack: what a person may write, its unit, its default and its bounds.

A stack file (``stacks/Pulumi.<stack>.yaml``) is read once, here, into frozen models.
Nothing below this package re-checks a value or reads configuration again. Rules about one
value are types and bounds of its field; rules that join several values are in
``stacks/rules/`` and run whenever a ``StackSettings`` is made.
"""

from stacks.settings.auth import ConsumerSettings, GatewayAuthSettings, JwtSettings, QuotaSettings, TokenLimitSettings
from stacks.settings.base import Cpu, Quantity, Settings
from stacks.settings.cluster import EMBEDDED_KUBECONFIG, ClusterSettings
from stacks.settings.engine import EngineSettings
from stacks.settings.fit import FitSettings
from stacks.settings.gateway import CommonGatewaySettings, EnvoyGatewaySettings
from stacks.settings.higress import HigressGatewaySettings, PluginName
from stacks.settings.lora import AdapterSettings, LoraSettings
from stacks.settings.models import ModelSettings
from stacks.settings.multi_node import LeaderWorkerSetSettings, RdmaSettings
from stacks.settings.observability import ObservabilitySettings
from stacks.settings.pools import (
    AckPoolSettings,
    AksPoolSettings,
    EksPoolSettings,
    ExistingPoolSettings,
    GkePoolSettings,
    GpuNodePoolSettings,
    KarpenterPoolSettings,
    MadePoolSettings,
    Toleration,
)
from stacks.settings.probes import ProbeSettings
from stacks.settings.prometheus import PrometheusSettings
from stacks.settings.promotions import PromotionSettings
from stacks.settings.reading import NAMESPACE, SettingsError, load, load_config, own_keys, yaml_path
from stacks.settings.rollout import RolloutSettings
from stacks.settings.routes import RouteSettings, TimeoutSettings, UpstreamSettings
from stacks.settings.scaling import AutoscalingSettings
from stacks.settings.serving import HostPathMount, ServingSettings
from stacks.settings.speculative import SpeculativeSettings
from stacks.settings.stack import GatewaySettings, StackSettings
from stacks.settings.verify import VerifySettings

__all__ = [
    "EMBEDDED_KUBECONFIG",
    "NAMESPACE",
    "AckPoolSettings",
    "AdapterSettings",
    "AksPoolSettings",
    "AutoscalingSettings",
    "ClusterSettings",
    "CommonGatewaySettings",
    "ConsumerSettings",
    "Cpu",
    "EksPoolSettings",
    "EngineSettings",
    "EnvoyGatewaySettings",
    "ExistingPoolSettings",
    "FitSettings",
    "GatewayAuthSettings",
    "GatewaySettings",
    "GkePoolSettings",
    "GpuNodePoolSettings",
    "HigressGatewaySettings",
    "HostPathMount",
    "JwtSettings",
    "KarpenterPoolSettings",
    "LeaderWorkerSetSettings",
    "LoraSettings",
    "MadePoolSettings",
    "ModelSettings",
    "ObservabilitySettings",
    "PluginName",
    "ProbeSettings",
    "PrometheusSettings",
    "PromotionSettings",
    "Quantity",
    "QuotaSettings",
    "RdmaSettings",
    "RolloutSettings",
    "RouteSettings",
    "ServingSettings",
    "Settings",
    "SettingsError",
    "SpeculativeSettings",
    "StackSettings",
    "TimeoutSettings",
    "TokenLimitSettings",
    "Toleration",
    "UpstreamSettings",
    "VerifySettings",
    "load",
    "load_config",
    "own_keys",
    "yaml_path",
]
