"""The error that every command of the embedded cluster reports to a person."""


class LocalError(Exception):
    """Something that the person can put right: what happened, why, and what to try.

    Args:
        problem: one sentence: what was wanted and why it failed.
        remedy: what to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n{remedy}")
