"""Why weights could not be fetched."""

from serving.exits import ExitCode


class WeightsError(Exception):
    """Weights that could not be fetched. Its text says why, and what to change."""

    def __init__(self, code: ExitCode, sentence: str) -> None:
        """Say why.

        Args:
            code: what the process exits with.
            sentence: what happened, and what to change.
        """
        super().__init__(sentence)
        self.code = code


class UnreachableError(WeightsError):
    """A hub or a store that does not answer. Weights that are here already may be used all the same."""

    def __init__(self, sentence: str) -> None:
        """Say what does not answer."""
        super().__init__(ExitCode.CRASHED, sentence)


def package_missing(remote: str, package: str, asked: str) -> WeightsError:
    """What it means that the image lacks the library of a hub or a store.

    Args:
        remote: what people call the model.
        package: the name of the library.
        asked: what is asked by it, with the verb.
    """
    return WeightsError(
        ExitCode.WEIGHTS,
        f"{remote}: this image has no package {package}, by which {asked} asked: take an image that "
        "serving/Containerfile has made, or set weights.download: vllm",
    )
