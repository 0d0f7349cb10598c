"""Which series of Prometheus tell of a model.

They are chosen by the labels ``namespace`` and ``pod``, which every usual way of scraping pods gives:
PodMonitors and ServiceMonitors of the Prometheus operator, and the jobs by annotation of Prometheus's own
chart.
"""

import re
from collections.abc import Iterable

from components.manifests.higress import names as higress
from stacks.settings import ModelSettings, StackSettings

UNANSWERED = "envoy_cluster_upstream_cx_none_healthy"
"""Envoy's counter of requests for a cluster that found no healthy pod in it, and so none at all."""

POD = "([0-9]+|[0-9a-z]{5,10}-?[0-9a-z]{5})"
"""What is behind a model's name and a ``-`` in its pods' names, as a regular expression.

Of a StatefulSet and its like it is a number, of a Deployment two words that are no names. Behind a long name Kubernetes
cuts the first of them, with the ``-`` that ends it, so that the pod's name has 63 characters."""


def of_pods(model: ModelSettings, namespace: str) -> str:
    """The labels of a model's pods, and of no model whose name begins like its own."""
    return _pods(model.name, namespace)


def of_all_pods(models: Iterable[ModelSettings], namespace: str) -> str:
    """The labels of the pods of several models."""
    return _pods(f"({'|'.join(model.name for model in models)})", namespace)


def of_any_pod(namespace: str) -> str:
    """The labels of the pods of all models of a namespace, whatever their names."""
    return _pods(".+", namespace)


def _pods(names: str, namespace: str) -> str:
    return f'namespace="{namespace}",pod=~"{names}-{POD}"'


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
