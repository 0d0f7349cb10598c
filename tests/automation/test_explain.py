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


AWAITED = (
    "2 errors occurred:\n"
    "\t* resource llm/qwen was successfully created, but the Kubernetes API server reported that it failed to fully "
    "initialize or become live: 'qwen' timed out waiting to be Ready\n"
    "\t* [Pod qwen-0]: containers with unready status: [vllm] -- [ErrImagePull] failed to pull image: {fault}"
)
UNKEPT = "The update is done, and the gateway does not keep what it promises:\nqwen: {fault}\nphi answers nothing"


@pytest.mark.parametrize("quoting", [AWAITED, "[Pod llm/qwen-0]: {fault}", UNKEPT])
@pytest.mark.parametrize(
    "fault",
    [
        "dial tcp 203.0.113.7:443: i/o timeout",
        "401 Unauthorized",
        "write /var/lib/containerd/io.containerd.content.v1.content/ingest: no space left on device",
        "unexpected EOF",
        "read: connection reset by peer",
    ],
)
def test_what_pods_and_clients_met_is_no_fault_of_the_cluster_the_login_or_the_state(quoting: str, fault: str) -> None:
    said = quoting.format(fault=fault)
    error = explained(Failure("prod", "up", "", [said, "update failed"]))
    assert type(error) is UpdateFailedError
    assert error.problem == f"`pulumi up` of the stack 'prod' failed:\n{said}"
    assert not transient(error)


def test_a_fault_of_the_cluster_is_told_beside_what_pods_met() -> None:
    pods, login = AWAITED.format(fault="401 Unauthorized"), 'services is forbidden: User "ci" cannot patch resource'
    error = explained(Failure("prod", "up", "", [pods, login]))
    assert type(error) is CredentialsError
    assert error.problem == f"The cluster of the stack 'prod' does not allow it: {login}"


@pytest.mark.parametrize(
    "said", ["Unauthorized", 'deployments.apps "qwen" is forbidden: User "ci" cannot patch resource "deployments"']
)
def test_an_object_that_may_not_be_changed_is_a_fault_of_the_login(said: str) -> None:
    """Pulumi puts these words ahead of all that an API server says to a change."""
    message = f'the Kubernetes API server reported that "llm/qwen" failed to fully initialize or become live: {said}'
    assert type(explained(Failure("prod", "up", "", [message]))) is CredentialsError


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1 error occurred:\n\t* etcdserver: leader changed\n\n", True),
        ("2 errors occurred:\n    1) read: connection reset by peer\n    2) write: i/o timeout", True),
        ("2 errors occurred:\n\t* etcdserver: leader changed\n\t* quota exceeded", False),
        ("update of llm/qwen failed: 2 errors occurred:\n\t* unexpected EOF\n\t* quota exceeded", False),
        ("2 errors occurred:\n    1) write: i/o timeout\n    2) Unknown\nwarning: there is a newer version", True),
        ("unexpected EOF\nerror: the chart has no such value", False),
        (
            "An exception:\nTraceback (most recent call last):\n  a\nOSError: i/o timeout",
            True,
        ),
        (
            "An exception:\nTraceback (most recent call last):\n  i/o timeout\nKeyError: 'a'",
            False,
        ),
    ],
)
def test_of_several_faults_in_a_message_all_have_to_pass(said: str, expected: bool) -> None:
    assert transient(explained(Failure("prod", "up", "", [said]))) is expected


STATE_IS_FULL = (
    "pre-step event returned an error: failed to save snapshot: An IO error occurred while writing the new snapshot "
    'file: blob (key ".pulumi/stacks/modelyard/prod.json") (code=Unknown): write /state/.pulumi/stacks/modelyard/'
    "prod.json.18eab869b3fb14de.tmp: no space left on device"
)


@pytest.mark.parametrize(
    ("said", "of_the_state"), [(STATE_IS_FULL, True), ("error: write /data/x: no space left on device", False)]
)
def test_no_room_for_the_state_is_what_pulumi_says_of_its_state(said: str, of_the_state: bool) -> None:
    error = explained(Failure("prod", "up", "", [said]))
    assert type(error) is UpdateFailedError
    assert error.problem.startswith("There is no room left where Pulumi keeps the state of 'prod'") is of_the_state
