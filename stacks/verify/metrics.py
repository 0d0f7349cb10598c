"""The promise that what is asked is counted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from stacks.verify import counters
from stacks.verify.counters import Reading
from stacks.verify.run import Check, Found, Run


class Metrics:
    """The counters before and after. They are read before the first question, when this is made."""

    def __init__(self, run: Run, pool: ThreadPoolExecutor) -> None:
        self._run = run
        names = [model.name for model in run.stack.models]
        namespace = run.stack.cluster.namespace

        def read(name: str) -> Reading:
            return counters.of_model(run.kubectl, name, namespace, run.deadline)

        self._before = dict(zip(names, pool.map(read, names), strict=True))
        self._gateway: Reading | None = None
        if run.stack.gateway.kind == "envoy":
            self._gateway = counters.of_gateway(run.kubectl, run.stack, run.deadline)

    def checks(self) -> Iterator[Check]:
        """How to look whether they moved."""
        for name in self._before:
            what = f"{name} counts the tokens that it takes"
            yield Check("metrics", None, what, lambda name=name: self._of_model(name))  # type: ignore[misc]
        if self._gateway:
            gateway = self._gateway
            what = "the gateway counts the requests that it takes"
            yield Check("metrics", None, what, lambda: self._of_gateway(gateway))

    def _of_model(self, name: str) -> Found:
        usages = [answer.usage for answer in self._run.answers if answer.served_by == name and answer.usage]
        if not usages:
            return "not checked", f"{name} has answered nothing of what was asked"
        least = {
            counters.PROMPT_TOKENS: sum(usage["prompt_tokens"] for usage in usages),
            counters.ANSWER_TOKENS: sum(usage.get("completion_tokens", 0) for usage in usages),
        }
        after = counters.of_model(self._run.kubectl, name, self._run.stack.cluster.namespace, self._run.deadline)
        return moved(self._before[name], after, least)

    def _of_gateway(self, before: Reading) -> Found:
        after = counters.of_gateway(self._run.kubectl, self._run.stack, self._run.deadline)
        return moved(before, after, {counters.REQUESTS: len(self._run.sent)})


def moved(before: Reading, after: Reading, least: dict[str, int]) -> Found:
    """Whether counters have moved by no less than that."""
    for reading in (before, after):
        if reading.unknown:
            return "not checked", reading.unknown
    wanted = {name: by for name, by in least.items() if by}
    if not wanted:
        return "not checked", "nothing that would be counted was asked"
    for name, by in wanted.items():
        by_now = after.moved(before, name)
        if by_now < by and set(before.pods) - set(after.pods):
            return "not checked", "pods were replaced meanwhile, and their counts are gone"
        if by_now < by:
            return "failed", (
                f"{name} moved by {by_now:.0f} where {by} were to be counted: look whether the pods still show their "
                "counters, and whether the requests came to them"
            )
    return "passed", f"{', '.join(wanted)} moved"
