"""Takes objects over that are in the cluster before the stack."""

from collections.abc import Mapping
from typing import Any

import pulumi

from stacks.settings import SettingsError, StackSettings

Object = tuple[str, str | None, str]
"""Kind, namespace and name."""

_CHOSEN = ("spec.clusterIP", "spec.clusterIPs")
"""What the cluster has chosen for a Service that others made. Without it the Service would be made anew."""
_KUBERNETES = "kubernetes:"
_SERVICE = "kubernetes:core/v1:Service"
_RELEASE = "kubernetes:helm.sh/v3:Release"


class Adoption:
    """A transformation of resources by which those are imported that a stack adopts.

    They are taken as they are: nothing that the program says of them counts while they are named there. So taking
    over changes nothing in the cluster, and what the stack would change shows in the preview after it.
    """

    def __init__(self, stack: StackSettings) -> None:
        self._own = stack.cluster.namespace
        self._wanted = {self._object(each.kind, each.namespace, each.name): each for each in stack.adopt}
        self._places = {key: index for index, key in enumerate(self._wanted)}
        self._found: set[Object] = set()
        self._seen: set[Object] = set()

    def __call__(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """The resource's options, with the identifier that it is imported by."""
        found = _described(args.type_, args.props)
        # What has an identifier is looked at, and made by somebody else.
        if found is None or args.opts.id is not None:
            return None
        self._seen.add(found)
        key = self._object(*found)
        if key in self._wanted:
            self._found.add(key)
            taken = pulumi.ResourceOptions(import_=_identifier(found), ignore_changes=["*"])
        elif _has_address_chosen(args.type_, args.props):
            taken = pulumi.ResourceOptions(ignore_changes=list(_CHOSEN))
        else:
            return None
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, taken))

    def check(self) -> None:
        """Refuse what the stack would not make, once everything is registered.

        Raises:
            SettingsError: with a sentence for each.
        """
        problems = [self._problem(index, *key) for key, index in self._places.items() if key not in self._found]
        if problems:
            raise SettingsError(problems)

    def _object(self, kind: str, namespace: str | None, name: str) -> Object:
        # Without a namespace the models' is meant, which no kind of the whole cluster says.
        return kind, namespace or self._own, name

    def _problem(self, index: int, kind: str, namespace: str | None, name: str) -> str:
        alike = sorted(f"{one} in {where}" if where else one for same, where, one in self._seen if same == kind)
        instead = f"write one of {', '.join(alike)}" if alike else "remove it"
        return (
            f"modelyard:adopt[{index}]: {kind} {name!r} in {namespace} is nothing that this stack makes, so it could "
            f"not take it over: {instead}"
        )


def _described(token: str, props: Mapping[str, Any]) -> Object | None:
    """What a resource is in the cluster, or None where it is nothing that could be taken over."""
    kind = token.rpartition(":")[2]
    if token == _RELEASE:
        return kind, props["namespace"], props["name"]
    # A patch changes what somebody else has.
    if not token.startswith(_KUBERNETES) or kind.endswith("Patch"):
        return None
    metadata = props["metadata"] or {}
    return kind, metadata.get("namespace"), metadata.get("name", "")


def _has_address_chosen(token: str, props: Mapping[str, Any]) -> bool:
    """Whether it is a Service whose address is the cluster's to choose."""
    return token == _SERVICE and "clusterIP" not in props["spec"]


def _identifier(found: Object) -> str:
    _, namespace, name = found
    return f"{namespace}/{name}" if namespace else name
