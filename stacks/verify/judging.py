"""Whether an answer is what was promised. Pure functions: an answer in, a sentence out where it is not."""

from ipaddress import ip_address, ip_network

from stacks.settings import StackSettings
from stacks.settings.higress import IpRestrictionSettings
from stacks.verify.asking import Answer
from stacks.verify.plan import Expected, first_places

SHOWN = 200
"""How much is quoted of what a server said, in characters."""

_LOOPBACK = "127.0.0.1"
"""Where a port forward comes from, in the gateway's pod."""
_OK = 200
_FORBIDDEN = 403
_LIMITED = 429


def refused_by_limit(answer: Answer) -> str | None:
    """Why an answer says nothing: the caller has used up its tokens. None: it says something."""
    if answer.status == _LIMITED:
        return "the caller has used up its token limit or quota (status 429)"
    return None


def unheard_rehearsal(stack: StackSettings, expected: Expected, answer: Answer) -> str | None:
    """Why an answer says nothing of a fallback: nobody was passed over. None: it says something.

    The Envoy gateway's place for rehearsals hears nothing else. Higress knows them by where they come from.
    """
    if stack.gateway.kind == "envoy" or not expected.places:
        return None
    if answer.status == _FORBIDDEN and not _lets_loopback_in(stack.higress.ip_restriction):
        return (
            "modelyard:gateway.ipRestriction lets no port forward in, and that is how a fallback is rehearsed: "
            f"write {_LOOPBACK}/32 into its `allow`, or see it by `modelyard drill`"
        )
    own = {target.model for target in expected.route.targets}
    # The gateway's own errors name the model, too.
    if answer.status == _OK and answer.served_by in own and answer.fallback_from is None:
        return (
            f"{answer.served_by} answered as if nothing had been asked of the gateway: look whether the port forward "
            "reaches it by its loopback address. `modelyard drill` shows the fallback, with pods that are killed"
        )
    return None


def _lets_loopback_in(restriction: IpRestrictionSettings | None) -> bool:
    if restriction is None:
        return True
    # The balancer that writes the header is passed by.
    if restriction.from_header:
        return False
    loopback = ip_address(_LOOPBACK)
    listed = any(loopback in ip_network(each, strict=False) for each in (*restriction.allow, *restriction.deny))
    return listed if restriction.allow else not listed


def broken_promise(stack: StackSettings, expected: Expected, answer: Answer) -> str | None:
    """What is wrong with the answer of a route, as a sentence with what to do about it. None: nothing."""
    return _whole(answer) or _right_model(stack, expected, answer) or _right_form(expected, answer) or _counted(answer)


def not_refused(answer: Answer) -> str | None:
    """What is wrong with the answer to somebody without a key. None: it is a 401 in OpenAI's form."""
    if answer.problem:
        return f"{answer.problem}: look at the gateway's pods"
    if answer.status != 401:
        return (
            f"a request without a key got status {answer.status}, so whoever reaches the gateway may call it: look at "
            "modelyard:gateway.auth.consumers, and whether the gateway's pods have the stack's configuration"
        )
    if answer.error is None:
        return f"the 401 is no error in OpenAI's form ({_quoted(answer)}): something ahead of the gateway has answered"
    return None


def not_unknown(answer: Answer, name: str) -> str | None:
    """What is wrong with the answer to a request for a model that does not exist. None: it is a 404 that names it."""
    if answer.problem:
        return f"{answer.problem}: look at the gateway's pods"
    if answer.status != 404 or answer.error is None or name not in str(answer.error.get("message")):
        return (
            f"status {answer.status} ({_quoted(answer)}) is no 404 in OpenAI's form that names the model: look whether "
            "something else answers at this address"
        )
    return None


def not_listed(answer: Answer, wanted: list[str]) -> str | None:
    """What is wrong with a list of models. None: it has the stack's routes and nothing else."""
    if answer.problem:
        return f"{answer.problem}: look at the gateway's pods"
    entries = (answer.body or {}).get("data")
    if answer.status != 200 or not isinstance(entries, list):
        return f"status {answer.status} ({_quoted(answer)}) is no list of models: look at who answers at this address"
    listed = {str(entry.get("id")) for entry in entries if isinstance(entry, dict)}
    if missing := sorted(set(wanted) - listed):
        return f"{', '.join(missing)} are not listed: the gateway has not read the stack's routes, so look at its logs"
    if strange := sorted(listed - set(wanted)):
        return f"{', '.join(strange)} are listed and no routes of this stack: look at who else writes to the gateway"
    return None


def _whole(answer: Answer) -> str | None:
    if answer.problem:
        return f"{answer.problem}: look at the pods and logs of the gateway and of the model"
    if answer.status != 200:
        by = f" from {answer.served_by}" if answer.served_by else ""
        return f"status {answer.status}{by} ({_quoted(answer)}): look at the model's pods and logs"
    if answer.error is not None:
        return f"the status is 200, and the body an error ({_quoted(answer)}): look at the model's logs"
    return None


def _right_model(stack: StackSettings, expected: Expected, answer: Answer) -> str | None:
    if answer.served_by is None:
        return (
            "x-modelyard-served-by is missing, so nothing says who answered: look whether something between here and "
            "the gateway answers or removes headers"
        )
    if answer.served_by not in expected.models:
        return f"{answer.served_by} answered, and not {' or '.join(expected.models)}: {_instead(expected, answer)}"
    promised = expected.route.model if expected.places else None
    if answer.fallback_from != promised:
        return (
            f"x-modelyard-fallback-from is {answer.fallback_from!r} in place of {promised!r}: look at the gateway's "
            "configuration"
        )
    model = stack.model(answer.served_by)
    if answer.model is not None and answer.model not in (*model.names, *model.adapters):
        return (
            f"x-modelyard-served-by says {answer.served_by}, and the body is of {answer.model!r}: look at the model's "
            "servedNames and at the gateway's configuration"
        )
    return None


def _instead(expected: Expected, answer: Answer) -> str:
    if not expected.places and answer.served_by in expected.route.fallback:
        return "the route's own models have failed, so look at their pods and logs"
    passed = ", ".join(first_places(expected.route, expected.places)) or "nobody"
    return f"look at modelyard:routes and at the pods of {' and '.join(expected.models)} ({passed} counted as failed)"


def _right_form(expected: Expected, answer: Answer) -> str | None:
    if not expected.stream:
        if answer.body is None:
            return f"the answer is {answer.content_type or 'of no type'} and no JSON object: look at the model's logs"
        if not (answer.body.get("choices") or answer.body.get("data")):
            return f"the answer has neither choices nor data ({_quoted(answer)}): look at the model's logs"
        return None
    if not answer.content_type.startswith("text/event-stream"):
        return (
            f"a stream was asked for, and the answer is {answer.content_type or 'of no type'}: look whether something "
            "between here and the gateway gathers streams"
        )
    if not any(event.get("choices") for event in answer.events):
        return "the stream has no event with choices: look at the model's logs"
    if not answer.ended:
        return "the stream ended without [DONE], so it was cut: look at the pods and logs of the model and the gateway"
    return None


def _counted(answer: Answer) -> str | None:
    usage = answer.usage
    if usage is None:
        return "the answer does not say how many tokens it took (usage), so nothing can count them: look at the model"
    prompt, answered = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    writes = bool(answer.events or (answer.body or {}).get("choices"))
    if not isinstance(prompt, int) or prompt < 1 or not isinstance(answered, int) or answered < (1 if writes else 0):
        return f"its token counts cannot be ({prompt!r} of the prompt, {answered!r} of the answer): look at the model"
    return None


def _quoted(answer: Answer) -> str:
    said = str((answer.error or {}).get("message") or answer.body or answer.content_type or "nothing")
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}..."
