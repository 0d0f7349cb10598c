"""The policy pack: every rule as a policy of Pulumi's."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationPolicy,
    StackValidationPolicy,
    policy,
)
from pulumi_policy import Severity as SdkSeverity

from policies.pack.catalogue import RULES
from policies.pack.configuration import problems
from policies.pack.judge import findings
from policies.pack.resource import Resource, resource
from policies.pack.rule import Rule, View
from stacks.layers import merged_config
from stacks.settings import SettingsError

NAME = "modelyard"
"""Name of the pack."""
DOCUMENTATION = "docs/policies.md"
"""Where every rule is described."""
CLUSTER = "modelyard:cluster"
PRODUCTION = "modelyard:production"
"""The setting by which a stack says that people depend on it."""

_SEEN: ContextVar[tuple[Resource, ...]] = ContextVar("resources of the present call")


@dataclass
class _Stack:
    """What the engine has said of the stack that is looked at."""

    production: bool = False


_STACK = _Stack()
"""The stack. A process of the pack looks at one only."""


def is_production(config: Mapping[str, str]) -> bool:
    """Whether a stack says that people depend on it, itself or by a base of this checkout that it extends.

    Args:
        config: the stack's configuration as the engine gives it: texts, and JSON for everything else.
    """
    # Another stack's outputs, which the cluster's settings may name, are not told to policy packs.
    own = {key: _value(text) for key, text in config.items() if key != CLUSTER}
    try:
        merged = merged_config(own, "the stack's file", lambda _: {})
    except SettingsError:
        # The program says what is wrong with its bases.
        merged = own
    return merged.get(PRODUCTION) is True


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def serve() -> None:
    """Answer the engine until it ends this process."""
    # Told of resources as they come over the wire, since the SDK drops the marks of secrets.
    policy._PolicyAnalyzerServicer = _Servicer  # type: ignore[misc]
    PolicyPack(NAME, policies=_POLICIES)


def policies() -> list[Policy]:
    """The rules as policies, as strict as elsewhere than in production."""
    return [_policy(rule) for rule in RULES]


def _policy(rule: Rule) -> Policy:
    kind = ResourceValidationPolicy if rule.scope == "resource" else StackValidationPolicy
    schema = PolicyConfigSchema({each.name: each.schema for each in rule.parameters}) if rule.parameters else None

    def validate(args: Any, report: ReportViolation) -> None:
        parameters = {**rule.defaults, **args.get_config()}
        view = View(_SEEN.get(), _STACK.production, parameters)
        for found in findings(rule, view):
            report(found.message, found.urn)

    return kind(
        name=rule.id,
        description=rule.what,
        validate=validate,
        enforcement_level=EnforcementLevel(rule.elsewhere),
        severity=SdkSeverity(rule.severity),
        remediation_steps=rule.instead,
        config_schema=schema,
        url=f"{DOCUMENTATION}#{rule.id}",
    )


_POLICIES = policies()


class _Servicer(policy._PolicyAnalyzerServicer):
    """The SDK's, told of the stack before it says how strict its policies are."""

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the RPC
        _STACK.production = is_production(request.config)
        for rule, each in zip(RULES, _POLICIES, strict=True):
            each.enforcement_level = EnforcementLevel(rule.level if _STACK.production else rule.elsewhere)
        return super().ConfigureStack(request, context)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        given = {name: json_format.MessageToDict(each.properties) for name, each in request.policyConfig.items()}
        if found := list(problems(RULES, given)):
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the policy pack can't be configured so:\n" + "\n".join(found)
            )
        return super().Configure(request, context)  # type: ignore[no-untyped-call]

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802
        _SEEN.set((_resource(request),))
        return super().Analyze(request, context)  # type: ignore[no-untyped-call]

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        _SEEN.set(tuple(_resource(each) for each in request.resources))
        return super().AnalyzeStack(request, context)  # type: ignore[no-untyped-call]


def _resource(message: Any) -> Resource:
    wire: Mapping[str, Any] = json_format.MessageToDict(message.properties)
    return resource(message.urn, message.type, message.name, wire)
