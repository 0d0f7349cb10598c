"""What Higress's objects promise, in the terms that every gateway has."""

from collections.abc import Sequence
from typing import Any

from tests.higress import reader
from tests.higress.contract import Gateway, Headers, Place, Promise, Share, Upstream, seconds
from tests.higress.reader import Hop, Manifest

Json = dict[str, Any]


def gateway(objects: Sequence[Manifest]) -> Gateway:
    return Gateway(
        ask=lambda model, headers: _promise(objects, model, headers),
        listed=reader.listed_models(objects),
        upstreams=_upstreams(objects),
    )


def _promise(objects: Sequence[Manifest], model: str, headers: Headers) -> Promise | None:
    stripped = _stripped(objects)
    outcome = reader.ask(objects, model, {key: value for key, value in headers.items() if key not in stripped})
    if outcome is None:
        return None
    first, *later = outcome.hops
    return Promise(
        frozenset(
            Share(percent, (_place(objects, first, host, name), *(_only_place(objects, hop) for hop in later)))
            for host, percent, name in first.shares
        ),
        outcome.body_limit_bytes,
        outcome.consumers,
        _silence(objects, outcome.hops),
    )


def _stripped(objects: Sequence[Manifest]) -> frozenset[str]:
    """The request headers that a client can't set."""
    found: Json = {}
    for patch in _config_patches(objects):
        if patch["applyTo"] == "ROUTE_CONFIGURATION":
            reader.merge(found, patch["patch"]["value"])
    return frozenset(found["internal_only_headers"])


def _only_place(objects: Sequence[Manifest], hop: Hop) -> Place:
    ((host, percent, name),) = hop.shares
    assert percent == 100
    return _place(objects, hop, host, name)


def _place(objects: Sequence[Manifest], hop: Hop, host: str, name: str) -> Place:
    retry = reader.patches(objects, hop.route)["route"]["retry_policy"]
    tries = 1 + retry["num_retries"]
    return Place(
        _addresses(objects)[host],
        name,
        tries,
        frozenset(retry["retry_on"].split(",")) if tries > 1 else frozenset(),
    )


def _addresses(objects: Sequence[Manifest]) -> dict[str, str]:
    """By host and port of routes, the address that the registry of this name leads to."""
    (bridge,) = reader.kind(objects, "McpBridge")
    return {
        f"{entry['name']}.{entry['type']}:{entry['port']}": f"{entry['domain']}:{entry['port']}"
        for entry in bridge["spec"]["registries"]
    }


def _silence(objects: Sequence[Manifest], hops: Sequence[Hop]) -> float:
    waits = set()
    for hop in hops:
        action = reader.patches(objects, hop.route)["route"]
        silence = seconds(action["retry_policy"]["per_try_idle_timeout"])
        # The stream as a whole waits for all tries, and nothing but silence ends it.
        assert seconds(action["idle_timeout"]) > silence * (1 + action["retry_policy"]["num_retries"])
        assert seconds(action["timeout"]) == 0
        waits.add(silence)
    (wait,) = waits
    return wait


def _upstreams(objects: Sequence[Manifest]) -> dict[str, Upstream]:
    found = {}
    for host, address in _addresses(objects).items():
        changes: Json = {}
        for patch in _config_patches(objects):
            if patch["applyTo"] == "CLUSTER" and patch["match"]["cluster"]["service"] == host.rpartition(":")[0]:
                reader.merge(changes, patch["patch"]["value"])
        (check,) = changes["health_checks"]
        found[address] = Upstream(
            connect_seconds=seconds(changes["connect_timeout"]),
            health_path=check["http_health_check"]["path"],
            panics=changes["common_lb_config"]["healthy_panic_threshold"]["value"] != 0,
        )
    return found


def _config_patches(objects: Sequence[Manifest]) -> list[Json]:
    return [patch for found in reader.kind(objects, "EnvoyFilter") for patch in found["spec"]["configPatches"]]
