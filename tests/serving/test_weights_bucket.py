"""Weights from a bucket, of a server of moto's that speaks as Amazon S3 does."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.client import BaseClient
from moto.server import ThreadedMotoServer

from serving.exits import ExitCode
from serving.weights import WeightsError, fetch
from serving.weights.bucket import Bucket
from serving.weights.remote import RemoteFile
from tests.serving.fetching import PACE
from tests.serving.test_weights import in_folder
from tests.weights.hub import serving

MIB = 2**20
CHANCE = random.Random(7)  # noqa: S311 - not for secrets
CONFIG, LARGE, SMALL = b'{"model_type": "llama"}', CHANCE.randbytes(11 * MIB + 3), CHANCE.randbytes(2 * MIB)
FILES = {"config.json": CONFIG, "model-1.safetensors": LARGE, "nested/model-2.safetensors": SMALL}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("AWS_ENDPOINT_URL", url),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "of-a-person"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)
    found = boto3.client("s3")
    found.create_bucket(Bucket="models")
    found.put_object(Bucket="models", Key="qwen/config.json", Body=CONFIG)
    found.put_object(Bucket="models", Key="qwen/nested/", Body=b"")
    found.put_object(Bucket="models", Key="qwen/nested/model-2.safetensors", Body=SMALL, ChecksumAlgorithm="SHA256")
    found.put_object(Bucket="models", Key="qwen-large/config.json", Body=b"of another model")
    put_in_parts(found, LARGE)
    return found


def put_in_parts(client: Any, data: bytes) -> None:
    """Put an object as tools put large ones."""
    where = {"Bucket": "models", "Key": "qwen/model-1.safetensors"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(data), 5 * MIB), 1):
        piece = data[start : start + 5 * MIB]
        answer = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=piece)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})


def bring(store: Path, uri: str = "s3://models/qwen") -> Path:
    fetched = fetch(Bucket(uri), store, None, lambda _: None, PACE)
    fetched.lock.close()
    return fetched.folder


def test_every_object_of_the_folder_is_fetched_and_checked(client: Any, tmp_path: Path) -> None:
    bucket = Bucket("s3://models/qwen")
    checksums = {file.path: bucket.checksum(file) for file in bucket.listing().files}
    assert {path: found.kind for path, found in checksums.items() if found} == {
        "config.json": "md5",
        "model-1.safetensors": "md5-of-parts",
        "nested/model-2.safetensors": "sha256",
    }
    assert in_folder(bring(tmp_path)) == FILES


def test_a_start_with_everything_there_only_lists(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    request = BaseClient._make_api_call

    def noted(of: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        asked.append(operation)
        return request(of, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    bring(tmp_path)
    # One for each of the three objects, and one for the first part of the one that was sent in parts.
    assert Counter(asked) == {"ListObjectsV2": 1, "HeadObject": 4}
    asked.clear()
    folder = bring(tmp_path)
    assert asked == ["ListObjectsV2"]
    (folder / "config.json").unlink()
    asked.clear()
    bring(tmp_path)
    assert asked == ["ListObjectsV2", "HeadObject"]


def test_other_objects_are_another_version(client: Any, tmp_path: Path) -> None:
    before = bring(tmp_path)
    assert bring(tmp_path) == before
    client.put_object(Bucket="models", Key="qwen/config.json", Body=b'{"model_type": "qwen"}')
    after = bring(tmp_path)
    assert after != before
    assert (after / "config.json").read_bytes() == b'{"model_type": "qwen"}'


def test_an_object_that_changes_meanwhile_is_never_mixed(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = Bucket.listing

    def then_changed(bucket: Bucket) -> object:
        found = listing(bucket)
        client.put_object(Bucket="models", Key="qwen/config.json", Body=b"x" * len(CONFIG))
        return found

    monkeypatch.setattr(Bucket, "listing", then_changed)
    with pytest.raises(WeightsError, match=r"config\.json is not as it was when the files were listed") as caught:
        bring(tmp_path)
    assert caught.value.code == ExitCode.WEIGHTS


def test_a_store_that_is_silent_serves_what_is_here(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bring(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert bring(tmp_path) == before
    with pytest.raises(WeightsError, match="the store does not answer") as caught:
        bring(tmp_path / "empty")
    assert caught.value.code == ExitCode.CRASHED


@pytest.mark.parametrize("uri", ["s3://nowhere/qwen", "s3://models/nothing"])
def test_what_is_not_there(client: Any, tmp_path: Path, uri: str) -> None:
    with pytest.raises(WeightsError, match="correct the model's source") as caught:
        bring(tmp_path, uri)
    assert caught.value.code == ExitCode.WEIGHTS


def test_credentials_that_are_missing_or_wrong(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            without.delenv(name)
        without.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        without.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        with pytest.raises(WeightsError, match="the pod has no credentials for the bucket") as caught:
            bring(tmp_path)
        assert caught.value.code == ExitCode.TOKEN
    with serving({}) as refusing:
        refusing.refusal = (403, "")
        monkeypatch.setenv("AWS_ENDPOINT_URL", refusing.url)
        with pytest.raises(WeightsError, match=r"the store refused the credentials \(status 403\)") as caught:
            bring(tmp_path)
    assert caught.value.code == ExitCode.TOKEN
    assert "of-a-person" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "host", "path"),
    [
        ({"AWS_ENDPOINT_URL": "http://store:9000"}, "store:9000", "/models/qwen/a b"),
        (
            {"AWS_ENDPOINT_URL": "http://store:9000", "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "1"},
            "models.store:9000",
            "/qwen/a b",
        ),
        ({"AWS_ENDPOINT_URL": ""}, "models.s3.amazonaws.com", "/qwen/a b"),
    ],
)
def test_where_the_bucket_has_its_name(
    client: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], host: str, path: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = urlsplit(Bucket("s3://models/qwen").address(RemoteFile("a b", 1)).url)
    assert (found.netloc, found.path.replace("%20", " ")) == (host, path)
