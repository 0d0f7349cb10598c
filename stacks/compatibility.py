"""Which versions of the charts the program was tried with. Pure look-up."""

from stacks.settings import StackSettings

HIGRESS_CHARTS = {
    "2.2.4": "its values and manifests were compared with what the program writes, "
    "and its console's names and records are those that the program uses",
}
"""Versions of the chart ``higress``, and what is known of each."""


def untested_versions(stack: StackSettings) -> list[str]:
    """One sentence for every chart whose version has no entry here.

    It is a warning and no error: a chart's next patch seldom changes what the program counts on.
    """
    if stack.gateway.kind != "higress" or stack.higress.chart.version in HIGRESS_CHARTS:
        return []
    known = "; ".join(f"{version}: {tried}" for version, tried in HIGRESS_CHARTS.items())
    return [
        f"modelyard:gateway.chart.version: {stack.higress.chart.version!r} was not tried with this program, so values "
        f"may have no effect and the console may not show the routes. What was tried: {known}. Write "
        f"{' or '.join(repr(version) for version in HIGRESS_CHARTS)}, or try it on a cluster of its own first"
    ]
