"""What labels are chosen by."""

from policies.pack.values import Properties, at, items, mapping, text, texts


def selects(selector: Properties, labels: Properties) -> bool:
    """Whether a ``LabelSelector`` chooses what has these labels. An empty one chooses everything."""
    wanted = mapping(selector, "matchLabels")
    return all(labels.get(key) == wanted[key] for key in wanted) and all(
        _holds(each, labels) for each in items(selector, "matchExpressions")
    )


def chooses(selector: Properties, labels: Properties) -> bool:
    """Whether the plain selector of a Service chooses what has these labels. An empty one chooses nothing."""
    return bool(selector) and all(labels.get(key) == selector[key] for key in selector)


def _holds(expression: Properties, labels: Properties) -> bool:
    found = labels.get(text(expression, "key"))
    match at(expression, "operator"):
        case "In":
            return found in texts(expression, "values")
        case "NotIn":
            return found not in texts(expression, "values")
        case "Exists":
            return found is not None
        case _:
            return found is None
