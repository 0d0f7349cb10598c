"""Numbers of Kubernetes quantities."""

_UNITS = {
    "m": 1 / 1000,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def amount(quantity: str) -> float:
    """What a quantity, such as ``500m`` or ``16Gi``, is in whole units: CPUs, or bytes."""
    number = quantity.rstrip("".join(_UNITS))
    return float(number) * _UNITS.get(quantity.removeprefix(number), 1)
