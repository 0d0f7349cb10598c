"""The package's schema, made of the settings: what Pulumi generates SDKs by."""

import re
from collections.abc import Iterable, Mapping

from components.manifests.objects import Manifest
from stacks.described import described as described_settings
from stacks.settings import ModelSettings, StackSettings

PACKAGE = "modelyard"
"""The package's name."""
ANY = {"$ref": "pulumi.json#/Any"}
"""A value of any kind."""

STACK_FILES_ONLY = frozenset({"extends", "part", "promotions", "verify"})
"""Settings that are of stack files, or of the program that reads them."""
OF_ONE_MODEL = (
    "cluster",
    "fit",
    "hugging_face_token",
    "image_mirror",
    "leader_worker_set",
    "llmaz",
    "production",
    "prometheus",
    "serving",
)
"""Settings that one model service has beside the model and its pool."""
OF_A_GATEWAY = ("cluster", "gateway", "image_mirror", "routes")
"""Settings that a gateway has beside the names of its models."""
OF_A_SERVED_MODEL = ("name", "served_names")
"""What a gateway has to know of a model that somebody else runs."""

SERVED_MODEL = "ServedModelSettings"
"""The definition of these."""

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
PLATFORM_OUTPUTS: Manifest = {
    "baseUrl": {**TEXT, "description": "URL that clients use, ending in `/v1`."},
    "consoleUrl": {**TEXT, "description": "URL of the gateway's console, where it has one."},
    "consolePassword": {**TEXT, "secret": True, "description": "Password of the console's administrator."},
    "dashboardsUrl": {**TEXT, "description": "URL of dashboards, where the gateway brings some."},
    "modelUrls": {**TEXTS, "description": "URL of each model inside the cluster, by its name."},
}
"""The outputs of a platform."""
GATEWAY_OUTPUTS: Manifest = {key: value for key, value in PLATFORM_OUTPUTS.items() if key != "modelUrls"}
"""The outputs of a gateway."""
MODEL_OUTPUTS: Manifest = {
    "baseUrl": {**TEXT, "description": "URL of the OpenAI-compatible API inside the cluster, ending in `/v1`."},
    "servedNames": {"type": "array", "items": TEXT, "description": "The names that the model answers to."},
}
"""The outputs of a model service."""


def schema(version: str) -> Manifest:
    """The package's schema at a version, in the terms of Pulumi's package schema."""
    described = described_settings()
    definitions = described["$defs"]
    served = _some(definitions["ModelSettings"], _aliases(ModelSettings, OF_A_SERVED_MODEL))
    definitions[SERVED_MODEL] = {**served, "type": "object", "description": "A model that somebody else runs."}
    types = _Types(definitions)
    return {
        "name": PACKAGE,
        "displayName": "Modelyard",
        "version": version,
        "description": "LLM serving on Kubernetes: GPU node pools, vLLM model services, one endpoint with fallback.",
        "license": "Apache-2.0",
        "language": {"nodejs": {"respectSchemaVersion": True}, "python": {"respectSchemaVersion": True}},
        "types": types.all(),
        "resources": {
            f"{PACKAGE}:index:Platform": types.component(
                "A whole LLM serving platform on one cluster: node pools, model services, gateway.",
                _some(described, [key for key in described["properties"] if key not in STACK_FILES_ONLY]),
                PLATFORM_OUTPUTS,
            ),
            f"{PACKAGE}:index:ModelService": types.component(
                "One model behind the Services `<model>` and `<model>-lb`, both at port 8080.",
                _one_model(described),
                MODEL_OUTPUTS,
            ),
            f"{PACKAGE}:index:Gateway": types.component(
                "An OpenAI-compatible endpoint in front of models that others run, each behind a headless Service of "
                "its name and a Service `<name>-lb`, both at port 8080.",
                _gateway(described),
                GATEWAY_OUTPUTS,
            ),
        },
    }


def _one_model(described: Manifest) -> Manifest:
    beside = _some(described, _aliases(StackSettings, OF_ONE_MODEL))
    pool = described["properties"]["pools"]["items"]
    own = {
        "model": {"$ref": "#/$defs/ModelSettings", "description": "The model. Its `pool` is the name of the one here."},
        "pool": {**pool, "description": "The node pool that it runs on."},
    }
    return {"properties": {**own, **beside["properties"]}, "required": list(own)}


def _gateway(described: Manifest) -> Manifest:
    beside = _some(described, _aliases(StackSettings, OF_A_GATEWAY))
    own = {"models": {"type": "array", "items": {"$ref": f"#/$defs/{SERVED_MODEL}"}, "description": "The models."}}
    return {"properties": {**own, **beside["properties"]}, "required": list(own)}


def _aliases(settings: type[StackSettings] | type[ModelSettings], names: Iterable[str]) -> list[str]:
    return [str(settings.model_fields[name].alias) for name in names]


def _some(described: Manifest, keys: Iterable[str]) -> Manifest:
    wanted = list(keys)
    required = [key for key in described.get("required", ()) if key in wanted]
    return {"properties": {key: described["properties"][key] for key in wanted}, "required": required}


class _Types:
    """The types of the package, out of the definitions of a JSON schema."""

    def __init__(self, definitions: Mapping[str, Manifest]) -> None:
        self._definitions = definitions

    def all(self) -> Manifest:
        """Every type that is an object, by its token."""
        return {
            f"{PACKAGE}:index:{_name(name)}": {
                "type": "object",
                "description": _markdown(definition.get("description", "")),
                "properties": self._properties(definition.get("properties", {})),
                "required": definition.get("required", []),
            }
            for name, definition in self._definitions.items()
            if definition.get("type") == "object"
        }

    def component(self, description: str, inputs: Manifest, outputs: Manifest) -> Manifest:
        """A component with these inputs and outputs."""
        return {
            "isComponent": True,
            "description": description,
            "inputProperties": self._properties(inputs["properties"]),
            "requiredInputs": inputs["required"],
            "properties": outputs,
        }

    def _properties(self, properties: Mapping[str, Manifest]) -> Manifest:
        return {key: self._property(described) for key, described in properties.items()}

    def _property(self, described: Manifest) -> Manifest:
        spec = {**self._item(described), "description": self._description(described)}
        if "const" in described:
            spec["const"] = described["const"]
        if _is_secret(described):
            spec["secret"] = True
        return spec

    def _description(self, described: Manifest) -> str:
        own = described.get("description") or self._definitions.get(_referred(described), {}).get("description", "")
        choices = [str(choice) for kind in _kinds(described) for choice in kind.get("enum", ())]
        listed = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        return _markdown(own) + listed

    def _item(self, described: Manifest) -> Manifest:
        # Which resources there are follows from settings, so these have to be known before anything is made. Secrets
        # may come out of other resources, and what holds some is no plain value in a program either.
        return self._type(described) if self._holds_secrets(described) else {**self._type(described), "plain": True}

    def _type(self, described: Manifest) -> Manifest:
        kinds = _kinds(described)
        if len(kinds) > 1:
            return {"oneOf": [self._item(kind) for kind in kinds]}
        (kind,) = kinds
        if name := _referred(kind):
            known = self._definitions[name].get("type") == "object"
            return {"$ref": f"#/types/{PACKAGE}:index:{_name(name)}"} if known else ANY
        match kind.get("type"):
            case "array":
                return {"type": "array", "items": self._item(kind["items"])}
            case "object":
                return {"type": "object", "additionalProperties": self._values(kind)}
            case str(simple):
                return {"type": simple}
            case _:
                return ANY

    def _values(self, described: Manifest) -> Manifest:
        if patterns := described.get("patternProperties"):
            return self._item(next(iter(patterns.values())))
        values = described.get("additionalProperties")
        return self._item(values) if isinstance(values, dict) else ANY

    def _holds_secrets(self, described: Manifest) -> bool:
        if _is_secret(described):
            return True
        names = {name for kind in _kinds(described) for name in (_referred(kind), _referred(kind.get("items", {})))}
        below = [each for name in names if name for each in self._definitions[name].get("properties", {}).values()]
        return any(self._holds_secrets(each) for each in below)


def _kinds(described: Manifest) -> list[Manifest]:
    """What a value may be, but for nothing at all."""
    kinds: list[Manifest] = described.get("anyOf") or described.get("oneOf") or [described]
    return [kind for kind in kinds if kind.get("type") != "null"]


def _is_secret(described: Manifest) -> bool:
    return any(each.get("format") == "password" for kind in _kinds(described) for each in (kind, kind.get("items", {})))


def _referred(described: Manifest) -> str:
    """The name of the definition that stands for a value, or nothing."""
    return str(described.get("$ref", "")).removeprefix("#/$defs/")


def _name(definition: str) -> str:
    return definition.removesuffix("Settings")


def _markdown(text: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", text)
