"""Claims and Jobs for weights: what is made of them, and what waits for what."""

from typing import Any

from components.platform import Platform
from stacks.settings import StackSettings
from tests.components.conftest import Program, Run
from tests.components.stacks import GEMMA, QWEN, stack

COMMIT = "b968826d9c46dd6066d109eabc6255188de91218"
CLAIM = {"kind": "claim", "name": "weights", "create": True, "size": "500Gi"}
JOB = "kubernetes:batch/v1:Job"
PERSISTENT_VOLUME_CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"


def deploy(run: Run, settings: StackSettings) -> Program:
    return run(lambda: Platform("platform", settings))


def fetching(**changes: Any) -> StackSettings:
    """Two models on one claim, for one of which a Job fetches the weights."""
    serving = {"image": "registry.example/serving:1", "weights": {"cache": CLAIM, "prefetch": True}}
    return stack(serving=serving, models=[{**QWEN, "revision": COMMIT}, GEMMA], **changes)


def test_replicas_wait_for_the_job_that_fetches_their_weights(run: Run) -> None:
    program = deploy(run, fetching())
    (job,) = program.of(JOB)
    assert (job.name, job.parent) == ("platform-qwen-weights", "platform-qwen")
    assert program.named("platform-qwen-replicas").dependencies == {"platform-qwen-weights"}
    assert program.named("platform-gemma-replicas").dependencies == set()


def test_the_job_is_made_anew_in_place_of_the_one_before(run: Run) -> None:
    (job,) = deploy(run, fetching()).of(JOB)
    assert job.request.deleteBeforeReplace
    assert (job.request.customTimeouts.create, job.request.customTimeouts.update) == ("21600s", "21600s")


def test_one_claim_is_made_before_all_models_that_name_it(run: Run) -> None:
    program = deploy(run, fetching(huggingFaceToken="hf_x"))
    (claim,) = program.of(PERSISTENT_VOLUME_CLAIM)
    assert (claim.name, claim.parent, claim.provider) == ("platform-weights", "platform", "platform-cluster")
    assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
    assert program.named("platform-qwen").dependencies == {"platform-weights", "platform-modelhub"}
    assert program.named("platform-gemma").dependencies == {"platform-weights"}


def test_without_a_word_there_is_neither_claim_nor_job(run: Run) -> None:
    program = deploy(run, stack())
    assert not [*program.of(JOB), *program.of(PERSISTENT_VOLUME_CLAIM)]
    assert program.named("platform-qwen-replicas").dependencies == set()


def test_weights_in_an_image_come_from_the_mirror(run: Run) -> None:
    model = {**QWEN, "source": "oci://docker.io/org/qwen:1#models"}
    program = deploy(run, stack(models=[model], imageMirror="registry.example/mirror"))
    pod = program.named("platform-qwen-replicas").inputs["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "model"]
    assert volume["image"]["reference"] == "registry.example/mirror/org/qwen:1"


def test_what_may_keep_pods_from_starting_is_said(run: Run) -> None:
    model = {**QWEN, "source": "hf://google/gemma-2-2b-it", "weights": {"cache": {"kind": "node"}}}
    said = " ".join(deploy(run, stack(models=[model])).messages)
    assert "was gated when this was written" in said
    assert "Pod Security" in said
