"""Where container images come from."""

PUBLIC_REGISTRIES = ("docker.io", "gcr.io", "ghcr.io", "nvcr.io", "public.ecr.aws", "quay.io", "registry.k8s.io")
"""Registries that a site without internet has a mirror of. Any other one is its own."""


def mirrored(image: str, mirror: str | None) -> str:
    """The address that an image is pulled from.

    Args:
        image: its address, with or without a registry: Docker Hub's is left out more often than not.
        mirror: registry and folder of the mirror, if there is one.
    """
    registry, slash, path = image.partition("/")
    if not slash:
        registry, path = "docker.io", f"library/{image}"
    elif not _is_registry(registry):
        registry, path = "docker.io", image
    if mirror is None or registry not in PUBLIC_REGISTRIES:
        return image
    return f"{mirror}/{path}"


def mirrored_source(source: str, mirror: str | None) -> str:
    """The source of a model, which for weights in an image is where that is pulled from."""
    scheme, separator, address = source.partition("://")
    return f"{scheme}{separator}{mirrored(address, mirror)}" if scheme == "oci" else source


def _is_registry(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost"
