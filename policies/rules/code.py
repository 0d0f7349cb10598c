"""Code that comes with weights."""

from collections.abc import Iterator

from policies.pack.kubernetes.workloads import Workload, models
from policies.pack.rule import Problem, Rule, View, each


def _remote_code(view: View) -> Iterator[Problem]:
    return each(models(view), _trusting)


def _trusting(workload: Workload) -> Iterator[Problem]:
    for _, engine in workload.engines:
        if engine.switch("trust_remote_code"):
            yield Problem(workload.resource, "vLLM runs with --trust-remote-code")
            return


RULES = (
    Rule(
        id="trust-remote-code",
        what="No model runs code that its repository brings, unless somebody has read it.",
        why="so whoever can write to the repository runs programs in the pod, with its tokens and its network",
        instead=(
            "leave it out where vLLM knows the architecture, else pin the revision, read the code and write the "
            "annotation waive.modelyard.dev/trust-remote-code with a day and what was read"
        ),
        severity="critical",
        scope="resource",
        check=_remote_code,
    ),
)
