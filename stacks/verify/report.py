"""What a verification found: plain data, without times, so that two runs of a stack that is well are equal."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "not checked"]
"""What became of a check. ``not checked``: it could not be made, so nothing is known."""

Through = Literal["base_url", "port_forward"]
"""The way that requests took: by the URL that clients use, or by ``kubectl port-forward`` to the gateway's Service."""

NO_TIME = "there was no time left for it: modelyard:verify.timeoutSeconds says how long there is"
"""Why something was not checked that a longer verification would have checked."""


@dataclass(frozen=True)
class Verdict:
    """One promise of the gateway, and whether it was seen to be kept."""

    check: str
    """What kind of promise: ``reachable``, ``models``, ``plain``, ``streamed``, ``auth``, ``fallback``, ``metrics``."""
    route: str | None
    """The route's ``model``. None: it is about the gateway as a whole."""
    what: str
    """The promise, as a short sentence."""
    outcome: Outcome
    """What became of it."""
    why: str
    """What was seen, or why it was not checked; of a failure also what to do."""


@dataclass(frozen=True)
class Report:
    """The verdicts of one verification. ``dataclasses.asdict`` makes JSON of it."""

    through: Through | None
    """The way that the requests took. None: there was none."""
    verdicts: tuple[Verdict, ...]
    """In the order in which they were checked."""

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The promises that were broken."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome == "failed")

    @property
    def not_checked(self) -> tuple[Verdict, ...]:
        """The promises of which nothing is known."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome == "not checked")

    @property
    def passed(self) -> bool:
        """Whether something was checked, none of it failed, and nothing was left out for want of time.

        ``not_checked`` says what is left open otherwise.
        """
        left_out = any(verdict.why == NO_TIME for verdict in self.verdicts)
        return not self.failed and not left_out and any(verdict.outcome == "passed" for verdict in self.verdicts)
