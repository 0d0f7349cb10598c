"""Which series of Prometheus tell of a model.

They are chosen by the labels ``namespace`` and ``pod``, which every usual way of scraping pods gives:
PodMonitors and ServiceMonitors of the Prometheus operator, and the jobs by annotation of Prometheus's own
chart.
"""

import re

from components.manifests.higress import names as higress
from stacks.settings import ModelSettings, StackSettings

UNANSWERED = "envoy_cluster_upstream_cx_none_healthy"
"""Envoy's counter of requests for a cluster that found no healthy pod in it, and so none at all."""


def of_pods(model: ModelSettings, namespace: str) -> str:
    """The labels of a model's pods, and of no model whose name begins like its own."""
    # Of a StatefulSet and its like a number is behind the name, of a Deployment two words that are no names. Behind a
    # long name Kubernetes cuts the first of them, with the '-' that ends it, so that the pod's name has 63 characters.
    pods = f"{model.name}-([0-9]+|[0-9a-z]{{5,10}}-?[0-9a-z]{{5}})"
    return f'namespace="{namespace}",pod=~"{pods}"'


def unanswered(stack: StackSettings, model: ModelSettings) -> str:
    """The gateway's counter of requests for the model that found none of its pods.

    Both gateways are Envoys that know every model as one cluster. Stock Envoy gives a cluster's name as the
    label ``envoy_cluster_name``, and Higress's as ``cluster_name``, as Istio writes it, which in some
    versions puts a ';' behind it.
    """
    if stack.gateway.kind == "envoy":
        return f'{UNANSWERED}{{namespace="{stack.cluster.namespace}",envoy_cluster_name="{model.name}"}}'
    name = re.sub(r"([.|])", r"[\1]", f"outbound|{higress.MODEL_PORT}||{higress.service(model)}")
    return f'{UNANSWERED}{{namespace="{stack.higress.namespace}",cluster_name=~"{name};?"}}'
