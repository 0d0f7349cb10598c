"""What the words of a failed command mean."""

import pytest

from stacks.automation import (
    AutomationError,
    CredentialsError,
    LockedError,
    PassphraseError,
    UnreachableError,
    UpdateFailedError,
)
from stacks.automation.explain import Failure, explained, transient

CONFLICT = "error: [409] Conflict: Another update is currently in progress.\nTo learn more about possible reasons ...\n"


@pytest.mark.parametrize(
    ("complaints", "kind"),
    [
        (CONFLICT, LockedError),
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", CredentialsError),
        ("error: [401] Unauthorized: No credentials provided or are invalid.", CredentialsError),
        ("error: read .pulumi/meta.yaml: api error AccessDenied: Access Denied, StatusCode: 403", CredentialsError),
        ('error: Get "https://b.s3.amazonaws.com/": dial tcp: lookup b.s3: no such host', UnreachableError),
        ("error: get stack secrets manager: open keeper awskms://alias/k: not found", PassphraseError),
        ("error: something that nobody has seen", UpdateFailedError),
    ],
)
def test_before_an_update_begins(complaints: str, kind: type[AutomationError]) -> None:
    error = explained(Failure("acme/modelyard/prod", "up", complaints))
    assert type(error) is kind
    assert "acme/modelyard/prod" in error.problem
    assert not error.problem.endswith("\n")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            'secrets is forbidden: User "ci" cannot create resource "secrets" in API group "" in the namespace "llm"',
            CredentialsError,
        ),
        (
            "configured Kubernetes cluster is unreachable: getting credentials: exec: executable aws failed",
            CredentialsError,
        ),
        ('configured Kubernetes cluster is unreachable: context "prod" does not exist', UnreachableError),
        ("the StatefulSet was not ready within 10 minutes", UpdateFailedError),
    ],
)
def test_during_an_update(said: str, kind: type[AutomationError]) -> None:
    error = explained(Failure("prod", "up", "", [said, "update failed"]))
    assert type(error) is kind
    assert said in error.problem
    assert error.messages == (said,)


def test_a_conflict_in_pulumi_cloud_has_no_holder() -> None:
    error = explained(Failure("prod", "up", CONFLICT))
    assert isinstance(error, LockedError)
    assert (error.holder, error.since) == (None, None)
    assert error.problem == ("The stack 'prod' is locked by another update: where its state is, nobody says whose.")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["read: connection reset by peer"], True),
        (["net/http: TLS handshake timeout", "update failed"], True),
        (["Get https://10.0.0.1/api: dial tcp 10.0.0.1:443: i/o timeout"], True),
        (["the server is currently unable to handle the request (post deployments.apps)"], True),
        (["etcdserver: request timed out"], True),
        (["error: 503 Service Unavailable"], True),
        (["read: connection reset by peer", "StatefulSet.apps is invalid"], False),
        (["dial tcp 10.0.0.1:443: connect: connection refused"], False),
        (['deployments is forbidden: User "ci" cannot create'], False),
        (["a model of 502 B parameters does not fit"], False),
        ([], False),
    ],
)
def test_only_what_passes_by_itself_is_tried_again(said: list[str], expected: bool) -> None:
    assert transient(explained(Failure("prod", "up", "", said))) is expected
