"""Stacks driven by scripts: ``from stacks import automation``, then ``automation.up("prod")``.

Every function takes the stack's name first. Results and events are frozen dataclasses, whatever goes wrong is an
``AutomationError`` with a sentence and a way out, and no file of the work tree is ever written.
"""

from stacks.automation.checks import drill, verify
from stacks.automation.errors import (
    AutomationError,
    CancelledError,
    CredentialsError,
    LockedError,
    MissingToolError,
    ObjectMissingError,
    PassphraseError,
    PolicyViolatedError,
    SettingsRefusedError,
    StackMissingError,
    UnreachableError,
    UpdateFailedError,
)
from stacks.automation.events import (
    Component,
    Done,
    Event,
    Failed,
    Finished,
    Message,
    Planned,
    PolicyViolated,
    Recovered,
    Resource,
    Retrying,
    Started,
)
from stacks.automation.measuring import Measurement, ModelMeasurement, measure
from stacks.automation.operations import destroy, outputs, preview, recover, refresh, settings, up
from stacks.automation.options import Options, Retries
from stacks.automation.promotion import PromotionResult, promote, rollback
from stacks.automation.results import DestroyResult, PreviewResult, RefreshResult, Result, UpResult
from stacks.automation.script import script

__all__ = [
    "AutomationError",
    "CancelledError",
    "Component",
    "CredentialsError",
    "DestroyResult",
    "Done",
    "Event",
    "Failed",
    "Finished",
    "LockedError",
    "Measurement",
    "Message",
    "MissingToolError",
    "ModelMeasurement",
    "ObjectMissingError",
    "Options",
    "PassphraseError",
    "Planned",
    "PolicyViolated",
    "PolicyViolatedError",
    "PreviewResult",
    "PromotionResult",
    "Recovered",
    "RefreshResult",
    "Resource",
    "Result",
    "Retries",
    "Retrying",
    "SettingsRefusedError",
    "StackMissingError",
    "Started",
    "UnreachableError",
    "UpResult",
    "UpdateFailedError",
    "destroy",
    "drill",
    "measure",
    "outputs",
    "preview",
    "promote",
    "recover",
    "refresh",
    "rollback",
    "script",
    "settings",
    "up",
    "verify",
]
