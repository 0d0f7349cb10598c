"""A claim that a pod needs for more than one thing, such as weights and adapters, or weights and their cache."""

from components.manifests.objects import Manifest


def one_volume_a_claim(pod: Manifest) -> Manifest:
    """A pod's ``spec`` with one volume for each claim, mounted wherever the claim was.

    The kubelet mounts a claim once for a pod, and waits for ever for a second volume of it
    (https://github.com/kubernetes/kubernetes/issues/132921).
    """
    of_claims: dict[str, Manifest] = {}
    renamed: dict[str, str] = {}
    volumes: list[Manifest] = []
    for volume in pod["volumes"]:
        claim = volume.get("persistentVolumeClaim")
        first = of_claims.setdefault(claim["claimName"], volume) if claim else volume
        if first is volume:
            volumes.append(volume)
            continue
        renamed[volume["name"]] = first["name"]
        if not claim.get("readOnly"):
            # The mounts that are to be read-only say so themselves.
            first["persistentVolumeClaim"].pop("readOnly", None)
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        container["volumeMounts"] = [
            {**mount, "name": renamed.get(mount["name"], mount["name"])} for mount in container["volumeMounts"]
        ]
    return {**pod, "volumes": volumes}
