"""What a drill found: plain data, of which ``dataclasses.asdict`` makes JSON. All times are in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One request, as the client saw it."""

    at: float
    """When it was due, from the moment in which the pods were killed; negative before it."""
    seconds: float
    """From then until its whole answer was there, or until it failed."""
    first_byte_seconds: float | None
    """From then until the first event of its answer. None: it was not streamed, or had none."""
    streamed: bool
    """Whether the answer was to be streamed."""
    status: int | None
    """The HTTP status. None: there was no answer."""
    served_by: str | None
    """The model that answered."""
    fallback_from: str | None
    """The model that was asked for, where another one answered in its place."""
    error: str | None
    """Why it failed, as a sentence. None: it was answered whole."""
    model: str | None = None
    """The model that the answer itself names, which may be an adapter. None: it names none."""

    @property
    def cut(self) -> bool:
        """Whether it is a stream that broke off after its first byte, which no gateway can mend."""
        return self.error is not None and self.streamed and self.status == 200 and self.first_byte_seconds is not None


@dataclass(frozen=True)
class Loss:
    """The loss of one model, as the clients of one route saw it."""

    route: str
    """The route's ``model``."""
    model: str
    """The model whose pods were killed."""
    fallback: tuple[str, ...]
    """The models that stand in for it, in their order."""
    killed: tuple[str, ...]
    """The names of the pods."""
    samples: tuple[Sample, ...]
    """Every request that was sent, in the order in which they were due."""
    first_fallback_seconds: float | None
    """From the kill to the end of the first answer of another model. None: none answered."""
    recovery_seconds: float | None
    """From the kill to the end of the first answer that the model itself gave again. None: it gave none in time."""
    problems: tuple[str, ...]
    """What did not go as promised, as sentences."""
    unsent: int = 0
    """How many requests were due and never sent, since too many were under way when the drill ended."""

    @property
    def failed_requests(self) -> int:
        """How many requests were not answered whole, but for the streams that were cut."""
        return sum(sample.error is not None and not sample.cut for sample in self.samples)

    @property
    def cut_streams(self) -> int:
        """How many streams broke off after their first byte, with the pod that was answering."""
        return sum(sample.cut for sample in self.samples)

    @property
    def slowest_seconds(self) -> float:
        """How long the slowest whole answer took."""
        return max((sample.seconds for sample in self.samples if sample.error is None), default=0.0)

    @property
    def passed(self) -> bool:
        """Whether all of it went as promised."""
        return not self.problems


@dataclass(frozen=True)
class Report:
    """The losses of one drill."""

    stack: str
    """The stack's name."""
    began: str
    """When it began, as ISO 8601 in UTC."""
    losses: tuple[Loss, ...]
    """One a route, in the order in which they were tried."""

    @property
    def passed(self) -> bool:
        """Whether there was something to lose, and all of it went as promised."""
        return bool(self.losses) and all(loss.passed for loss in self.losses)
