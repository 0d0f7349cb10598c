"""What a stack of part ``cluster`` exports, and what stacks of models make of the outputs of such a stack.

Any other program may export the same: pools in the form of ``modelyard:pools``, the models' namespace, a kubeconfig.
"""

import json
from collections.abc import Mapping
from typing import Any

from components.manifests.placement import placement
from stacks.settings import GpuNodePoolSettings, SettingsError, StackSettings
from stacks.settings.pools.common import CommonPoolSettings

TAKEN = ("pools", "namespace", "kubeconfig")
"""The outputs that say something of a cluster."""


def exported(stack: StackSettings) -> dict[str, Any]:
    """The outputs of a stack of part ``cluster``. None is a secret: each team has credentials of its own."""
    outputs: dict[str, Any] = {
        "namespace": stack.cluster.namespace,
        "pools": [_existing(pool) for pool in stack.pools],
    }
    if stack.gateway.kind == "higress":
        outputs["higress"] = {"namespace": stack.gateway.namespace}
    return outputs


def configuration(stack: str, outputs: Mapping[str, Any], gateway: str | None) -> dict[str, Any]:
    """The configuration that follows from a stack's outputs, for a stack of models to be laid over.

    Args:
        stack: that stack's name.
        outputs: its outputs.
        gateway: the kind of the models' gateway, where they say one.

    Raises:
        SettingsError: they say nothing of a cluster.
    """
    found = {key: outputs[key] for key in TAKEN if outputs.get(key) is not None}
    if not found:
        there = f"the outputs {', '.join(sorted(outputs))}, none of which" if outputs else "no outputs, so nothing"
        raise SettingsError(
            [
                f"modelyard:cluster.stackReference: {stack!r} has {there} says anything of a cluster: write "
                f"modelyard:part: cluster in that stack and run `pulumi up`, or export {', '.join(TAKEN[:-1])} or "
                f"{TAKEN[-1]} there"
            ]
        )
    layer: dict[str, Any] = {"cluster": {}}
    if "pools" in found:
        layer["pools"] = found["pools"]
    if "namespace" in found:
        layer["cluster"]["namespace"] = found["namespace"]
    if "kubeconfig" in found:
        layer["cluster"]["kubeconfigContents"] = _text(found["kubeconfig"])
    if gateway == "higress" and isinstance(outputs.get("higress"), Mapping):
        layer["gateway"] = {**outputs["higress"], "createNamespace": False, "manageCrds": False}
    return layer


def _existing(pool: GpuNodePoolSettings) -> dict[str, Any]:
    """A pool as nodes that are there, which its adapter has made by then."""
    placed = placement(pool)
    said = pool.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, include=set(CommonPoolSettings.model_fields)
    )
    kinds = zip(pool.flavors, placed.flavors, strict=True)
    return {
        **said,
        "gpuResource": placed.gpu_resource,
        "nodeSelector": placed.node_selector,
        "tolerations": [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in placed.tolerations],
        "flavors": [
            {
                **flavor.model_dump(
                    mode="json", by_alias=True, exclude_none=True, include={"name", "gpu_model", "gpu_memory_gib"}
                ),
                "nodeSelector": kind.node_selector,
            }
            for flavor, kind in kinds
        ],
    }


def _text(kubeconfig: Any) -> Any:
    # Programs export it as a text or, as that of EKS, as a mapping. JSON is YAML, too.
    return json.dumps(kubeconfig) if isinstance(kubeconfig, Mapping) else kubeconfig
