"""What the objects do to the port without TLS, where every Ingress has a route of the same name that redirects."""

import pytest

from components.manifests.higress.collection import objects
from tests.higress import golden, reader


@pytest.mark.parametrize("name", ["prod", "everything"])
def test_redirects_stay_redirects(name: str) -> None:
    settings = golden.settings(name)
    assert settings.higress.tls
    found = objects(settings)
    names = [route.name for route in reader.routes(found)]
    assert {name: reader.patches_of_redirect(found, name) for name in names} == {name: {} for name in names}


def test_answers_stand_on_the_port_with_tls() -> None:
    found = objects(golden.settings("prod"))
    assert len(reader.inserted(found, "modelyard-models")) == len(reader.listed_models(found))
