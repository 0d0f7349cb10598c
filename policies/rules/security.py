"""Pod Security: what pods may do on their nodes, by the standards of Kubernetes.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists the fields, as of Kubernetes 1.35.
"""

from collections.abc import Iterator
from typing import Any

from policies.pack.kubernetes.pods import Container, Pod, pods
from policies.pack.resource import Resource
from policies.pack.rule import Parameter, Problem, Rule, View, each
from policies.pack.values import Properties, at, items, mapping, number, text, texts

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
CONFINED = ("RuntimeDefault", "Localhost")
"""Profiles of seccomp and AppArmor that confine a container."""
BIND = "NET_BIND_SERVICE"
"""The one capability that ``restricted`` lets a container add."""
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
"""What annotations of pods began with that named AppArmor's profile, before there was a field."""
SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
"""Settings of the kernel that each pod has for itself."""
PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")


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
    yield from _pod_context(pod)
    for container in pod.all_containers:
        yield from _contained(container)


def _pod_context(pod: Pod) -> Iterator[Problem]:
    context = mapping(pod.spec, "securityContext")
    yield from _loosened(pod.resource, "its pods", context)
    names = [text(sysctl, "name") for sysctl in items(context, "sysctls")]
    if unsafe := sorted(set(names) - SYSCTLS):
        yield Problem(pod.resource, f"its pods set the sysctls {', '.join(unsafe)}", "leave them out")
    annotations = mapping(pod.metadata, "annotations")
    for key in annotations:
        profile = text(annotations, key)
        if key.startswith(APP_ARMOR) and profile != "runtime/default" and not profile.startswith("localhost/"):
            yield Problem(pod.resource, f"its pods say {key}: {profile}", "leave it out, or write runtime/default")


def _contained(container: Container) -> Iterator[Problem]:
    resource, context = container.pod.resource, mapping(container.spec, "securityContext")
    if at(context, "privileged") is True:
        yield Problem(resource, f"{container.name} is privileged", "leave securityContext.privileged out")
    if added := sorted(set(texts(context, "capabilities", "add")) - CAPABILITIES):
        yield Problem(resource, f"{container.name} adds the capabilities {', '.join(added)}", "leave them out")
    if ports := [text(port, "hostPort") for port in items(container.spec, "ports") if number(port, "hostPort")]:
        yield Problem(resource, f"{container.name} takes ports of the node: {', '.join(ports)}", "write a Service")
    if text(context, "procMount") not in ("", "Default"):
        yield Problem(resource, f"{container.name} has an unmasked /proc", "leave securityContext.procMount out")
    yield from _loosened(resource, container.name, context)
    handlers = [(probe, mapping(container.spec, probe)) for probe in PROBES]
    handlers += [(f"lifecycle.{hook}", mapping(container.spec, "lifecycle", hook)) for hook in HOOKS]
    for place, handler in handlers:
        if host := text(handler, "httpGet", "host") or text(handler, "tcpSocket", "host"):
            yield Problem(resource, f"{container.name} has the node ask {host!r} by its {place}", "leave `host` out")


def _loosened(resource: Resource, who: str, context: Properties) -> Iterator[Problem]:
    """What pods and containers may both say, and neither should."""
    for kind, field in (("seccomp", "seccompProfile"), ("AppArmor", "appArmorProfile")):
        profile = text(context, field, "type")
        if profile not in ("", *CONFINED):
            yield Problem(
                resource,
                f"{who} turned {kind} off by the profile {profile!r}",
                f"write securityContext.{field}.type: RuntimeDefault",
            )
    selinux = mapping(context, "seLinuxOptions")
    if text(selinux, "type") not in SELINUX_TYPES or text(selinux, "user") or text(selinux, "role"):
        yield Problem(
            resource, f"{who} chose an SELinux type, user or role", "leave securityContext.seLinuxOptions out"
        )
    if at(context, "windowsOptions", "hostProcess") is True:
        yield Problem(resource, f"{who} may act as a process of the node", "leave windowsOptions.hostProcess out")


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
    is_windows = text(pod.spec, "os", "name") == "windows"
    for container in pod.all_containers:
        yield from _not_root(container, context)
        if not is_windows:
            yield from _confined(container, context)


def _not_root(container: Container, of_pod: Properties) -> Iterator[Problem]:
    context = mapping(container.spec, "securityContext")
    is_root = 0 in (at(context, "runAsUser"), at(of_pod, "runAsUser"))
    if _said(context, of_pod, "runAsNonRoot") is not True or is_root:
        yield Problem(
            container.pod.resource,
            f"{container.name} may run as root",
            "write securityContext.runAsNonRoot: true, and a runAsUser",
        )


def _confined(container: Container, of_pod: Properties) -> Iterator[Problem]:
    resource, context = container.pod.resource, mapping(container.spec, "securityContext")
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
    # What `baseline` forbids as well is said there.
    if added := sorted((set(texts(context, "capabilities", "add")) & CAPABILITIES) - {BIND}):
        yield Problem(
            resource, f"{container.name} adds the capabilities {', '.join(added)}", f"leave out all but {BIND}"
        )
    if _said(context, of_pod, "seccompProfile", "type") is None:
        yield Problem(
            resource,
            f"{container.name} may make any call to the kernel",
            "write securityContext.seccompProfile.type: RuntimeDefault",
        )


def _said(context: Properties, of_pod: Properties, *path: str) -> Any:
    """What a container says, or else its pod."""
    own = at(context, *path)
    return at(of_pod, *path) if own is None else own


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
