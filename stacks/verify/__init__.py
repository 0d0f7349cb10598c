"""Does the gateway keep its promises? Asked of a stack that runs, request by request."""

from stacks.verify.report import Outcome, Report, Through, Verdict
from stacks.verify.verification import verify

__all__ = ["Outcome", "Report", "Through", "Verdict", "verify"]
