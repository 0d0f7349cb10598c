"""Whether Karpenter has the fields that are written for it, by the definitions of its release 1.14 and Azure's 1.7.2.

Those refuse a field that they don't know. The tables name the fields that are written, with the form that each has.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from components.manifests.pools import karpenter
from stacks.settings import KarpenterPoolSettings
from tests.unit.pools import CLUSTERS, pool_of

TEXT = r"[\s\S]+"
LABEL_VALUE = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
DURATION = r"([0-9]+(s|m|h))+|Never"
NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"

FORMS: dict[str, dict[str, str]] = {
    "NodePool": {
        "template.metadata.labels.*": LABEL_VALUE,
        "template.spec.nodeClassRef.group": r"[^/]+",
        "template.spec.nodeClassRef.kind": TEXT,
        "template.spec.nodeClassRef.name": TEXT,
        "template.spec.requirements[].key": TEXT,
        "template.spec.requirements[].operator": "In|NotIn|Exists|DoesNotExist|Gt|Lt|Gte|Lte",
        "template.spec.requirements[].values[]": TEXT,
        "template.spec.taints[].key": TEXT,
        "template.spec.taints[].value": LABEL_VALUE,
        "template.spec.taints[].effect": "NoSchedule|PreferNoSchedule|NoExecute",
        "template.spec.expireAfter": DURATION,
        "disruption.consolidationPolicy": "WhenEmpty|WhenEmptyOrUnderutilized|Balanced",
        "disruption.consolidateAfter": DURATION,
        "limits.*": r"[0-9]+",
        "weight": r"[1-9][0-9]?|100",
    },
    "EC2NodeClass": {
        "role": TEXT,
        "instanceProfile": TEXT,
        "amiSelectorTerms[].alias": r"(al2|al2023|bottlerocket)@.+",
        "subnetSelectorTerms[].tags.*": TEXT,
        "securityGroupSelectorTerms[].tags.*": TEXT,
        "capacityReservationSelectorTerms[].id": r"cr-[0-9a-z]+",
        "blockDeviceMappings[].deviceName": TEXT,
        "blockDeviceMappings[].ebs.volumeSize": r"[0-9]+(G|Gi|T|Ti)",
        "blockDeviceMappings[].ebs.volumeType": "standard|io1|io2|gp2|sc1|st1|gp3",
        "blockDeviceMappings[].ebs.deleteOnTermination": "True|False",
        "tags.*": TEXT,
    },
    "AKSNodeClass": {
        "imageFamily": "Ubuntu|Ubuntu2204|Ubuntu2404|AzureLinux",
        "osDiskSizeGB": r"[0-9]+",
        "vnetSubnetID": r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/.+",
        "gpu.mode": "Driver|None",
        "tags.*": TEXT,
    },
}
"""What stands in the ``spec`` of each kind."""

API_VERSIONS = {
    "NodePool": "karpenter.sh/v1",
    "EC2NodeClass": "karpenter.k8s.aws/v1",
    "AKSNodeClass": "karpenter.azure.com/v1beta1",
}

SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
AZURE: dict[str, Any] = {"ec2NodeClass": None, "gpuModel": "NVIDIA-A10"}
POOLS: dict[str, dict[str, Any]] = {
    "least": {},
    "flavors": {
        "zones": ["eu-west-1a"],
        "expireAfterHours": 720,
        "disk": {"type": "io2"},
        "labels": {"team": "llm"},
        "taints": [{"key": "team"}],
        "flavors": [
            {"name": "reserved", "capacity": "reservation", "reservation": "cr-0123"},
            {"name": "spot", "capacity": "spot"},
        ],
    },
    "bottlerocket": {
        "ec2NodeClass": {
            **CLUSTERS["karpenter"]["ec2NodeClass"],
            "role": None,
            "instanceProfile": "nodes",
            "ami": "bottlerocket@1.50.0",
            "tags": {"team": "llm"},
        }
    },
    "azure": {**AZURE, "aksNodeClass": {}},
    "all of azure": {**AZURE, "aksNodeClass": {"subnetId": SUBNET, "driver": "none", "tags": {"team": "llm"}}},
}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a manifest that holds no other, with its place."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, f"{path}[]")
    else:
        yield path, value


def form(kind: str, path: str) -> str | None:
    """The form of what stands at a place, or None where there is no such field."""
    for place, found in FORMS[kind].items():
        if path == place or (place.endswith(".*") and path.startswith(place[:-1])):
            return found
    return None


@pytest.mark.parametrize("changes", POOLS.values(), ids=POOLS)
def test_every_field_is_one_that_karpenter_has(changes: dict[str, Any]) -> None:
    pool = pool_of("karpenter", **changes)
    assert isinstance(pool, KarpenterPoolSettings)
    node_class = karpenter.node_class(pool)
    assert node_class
    for manifest in (node_class, *karpenter.node_pools(pool)):
        kind = manifest["kind"]
        assert manifest.keys() == {"apiVersion", "kind", "metadata", "spec"}
        assert manifest["apiVersion"] == API_VERSIONS[kind]
        assert re.fullmatch(NAME, manifest["metadata"]["name"])
        for path, value in leaves(manifest["spec"]):
            expected = form(kind, path)
            assert expected is not None, f"{kind} has no {path}"
            assert re.fullmatch(expected, str(value)), f"{path}: {value!r}"


@pytest.mark.parametrize(
    ("kind", "path"), [("NodePool", "template.spec.bogus"), ("NodePool", "labels.a"), ("EC2NodeClass", "amiFamily.x")]
)
def test_other_fields_are_found(kind: str, path: str) -> None:
    assert form(kind, path) is None
