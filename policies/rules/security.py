"""Pod Security: what pods may do on their nodes, by the standards of Kubernetes."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.pack.kubernetes.pods import Container, Pod, pods
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import at, items, mapping, number, text, texts

STANDARD = "pod-security.kubernetes.io/"
"""What the labels of a namespace begin with that say which standard holds in it."""
PROFILES = ("privileged", "baseline", "restricted")

CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
"""Capabilities that ``baseline`` lets a container add."""
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
"""Kinds of volumes that ``restricted`` lets a pod have."""
SECCOMP = ("RuntimeDefault", "Localhost")


def _pod_security(view: View) -> Iterator[Problem]:
    restricted = view.parameters["profile"] == "restricted"
    yield from each(pods(view), _baseline)
    if restricted:
        yield from each(pods(view), _restricted)


def _baseline(pod: Pod) -> Iterator[Problem]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if at(pod.spec, field) is True:
            yield Problem(pod.resource, f"its pods have {field}: true", f"leave {field} out")
    for volume in items(pod.spec, "volumes"):
        if at(volume, "hostPath") is not None:
            yield Problem(
                pod.resource,
                f"volume {text(volume, 'name')!r} is a folder of the node, {text(volume, 'hostPath', 'path')!r}",
                "write a claim, or another kind of weights.cache",
            )
    for container in pod.all_containers:
        yield from _contained(container)


def _contained(container: Container) -> Iterator[Problem]:
    resource, context = container.pod.resource, mapping(container.spec, "securityContext")
    if at(context, "privileged") is True:
        yield Problem(resource, f"{container.name} is privileged", "leave securityContext.privileged out")
    if added := sorted(set(texts(context, "capabilities", "add")) - CAPABILITIES):
        yield Problem(resource, f"{container.name} adds the capabilities {', '.join(added)}", "leave them out")
    if ports := [text(port, "hostPort") for port in items(container.spec, "ports") if number(port, "hostPort")]:
        yield Problem(resource, f"{container.name} takes ports of the node: {', '.join(ports)}", "write a Service")


def _restricted(pod: Pod) -> Iterator[Problem]:
    context = mapping(pod.spec, "securityContext")
    for volume in items(pod.spec, "volumes"):
        # A folder of the node breaks `baseline` already.
        kinds = {key for key in mapping(volume) if key not in ("name", "hostPath")} - VOLUMES
        if kinds:
            yield Problem(
                pod.resource,
                f"volume {text(volume, 'name')!r} is of kind {', '.join(sorted(kinds))}",
                "write a claim, and the other storage behind it",
            )
    for container in pod.all_containers:
        yield from _confined(container, context)


def _confined(container: Container, of_pod: Mapping[str, Any]) -> Iterator[Problem]:
    resource, context = container.pod.resource, mapping(container.spec, "securityContext")

    def said(*path: str) -> Any:
        own = at(context, *path)
        return at(of_pod, *path) if own is None else own

    if said("runAsNonRoot") is not True or said("runAsUser") == 0:
        yield Problem(
            resource, f"{container.name} may run as root", "write securityContext.runAsNonRoot: true, and a runAsUser"
        )
    if at(context, "allowPrivilegeEscalation") is not False:
        yield Problem(
            resource,
            f"{container.name} may get more rights than it starts with",
            "write securityContext.allowPrivilegeEscalation: false",
        )
    if "ALL" not in texts(context, "capabilities", "drop"):
        yield Problem(
            resource, f"{container.name} keeps capabilities", "write securityContext.capabilities.drop: [ALL]"
        )
    if said("seccompProfile", "type") not in SECCOMP:
        yield Problem(
            resource,
            f"{container.name} may make any call to the kernel",
            "write securityContext.seccompProfile.type: RuntimeDefault",
        )


def _namespaces(view: View) -> Iterator[Problem]:
    for namespace in view.of_kind("Namespace"):
        said = at(namespace.labels, f"{STANDARD}enforce")
        if said is None:
            yield Problem(namespace, f"it has no label {STANDARD}enforce")
        elif said not in PROFILES:
            yield Problem(namespace, f"{STANDARD}enforce is {said!r}, which is no standard")


RULES = (
    Rule(
        id="pod-security",
        what="Pods keep to a Pod Security standard.",
        why="so a fault in what they run, or in weights that they load, would reach the node and its other pods",
        instead="write a securityContext",
        severity="high",
        scope="resource",
        check=_pod_security,
        elsewhere="advisory",
        parameters=(Parameter("profile", "string", "The standard", "restricted", choices=("baseline", "restricted")),),
    ),
    Rule(
        id="namespace-pod-security",
        what="A namespace says which Pod Security standard holds in it.",
        why="so any pod may be privileged there, whoever makes it",
        instead=f"write the label {STANDARD}enforce: baseline or restricted, or privileged where that is meant",
        severity="medium",
        scope="resource",
        check=_namespaces,
        elsewhere="advisory",
    ),
)
