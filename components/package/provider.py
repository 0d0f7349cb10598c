"""The package's provider, which makes components for programs in any language."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.provider import ConstructResult, Provider

from components.gateway.contract import Gateway
from components.manifests.envoy_gateway import GatewayConfigTooLargeError
from components.package import arguments
from components.package.parts import GatewayPart, ModelPart
from components.package.schema import PACKAGE, schema
from components.platform import Platform
from stacks.settings import SettingsError

Make = Callable[[str, arguments.Inputs, pulumi.ResourceOptions | None], ConstructResult]


class ModelyardProvider(Provider):
    """Makes components out of inputs that are checked by the settings' own rules, as a stack file is."""

    def __init__(self, version: str) -> None:
        super().__init__(version, json.dumps(schema(version)))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Make a component of a type.

        Raises:
            InputPropertiesError: the inputs cannot work, or there is no such component.
        """
        try:
            return COMPONENTS[resource_type](name, inputs, options)
        except SettingsError as error:
            raise _refusal(error.problems) from None
        except GatewayConfigTooLargeError as error:
            raise _refusal([str(error)]) from None


def _platform(name: str, inputs: arguments.Inputs, opts: pulumi.ResourceOptions | None) -> ConstructResult:
    made = Platform(name, arguments.platform(inputs), opts)
    urls = {model: service.base_url for model, service in made.models.items()}
    return ConstructResult(made.urn, {**_outputs(made.gateway), "modelUrls": urls})


def _one_model(name: str, inputs: arguments.Inputs, opts: pulumi.ResourceOptions | None) -> ConstructResult:
    made = ModelPart(name, arguments.one_model(inputs), opts)
    return ConstructResult(made.urn, {"baseUrl": made.model.base_url, "servedNames": made.model.served_names})


def _gateway(name: str, inputs: arguments.Inputs, opts: pulumi.ResourceOptions | None) -> ConstructResult:
    made = GatewayPart(name, arguments.gateway(inputs), opts)
    return ConstructResult(made.urn, _outputs(made.gateway))


COMPONENTS: Mapping[str, Make] = {
    f"{PACKAGE}:index:Platform": _platform,
    f"{PACKAGE}:index:ModelService": _one_model,
    f"{PACKAGE}:index:Gateway": _gateway,
}
"""What makes each component, by its type."""


def _outputs(gateway: Gateway) -> dict[str, Any]:
    return {
        "baseUrl": gateway.base_url,
        "consoleUrl": gateway.console_url,
        "consolePassword": gateway.console_password,
        "dashboardsUrl": gateway.dashboards_url,
    }


def _refusal(problems: list[str]) -> pulumi.InputPropertiesError:
    told = [problem.removeprefix("modelyard:").partition(": ") for problem in problems]
    return pulumi.InputPropertiesError(
        "This cannot work as it is written",
        [pulumi.InputPropertyErrorDetails(property_path=path, reason=reason) for path, _, reason in told],
    )
