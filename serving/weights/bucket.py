"""Buckets of Amazon S3 and of stores that speak like it, by Amazon's own library, boto3.

It reads credentials, region and endpoint where it always does: the variables ``AWS_...``, the ServiceAccount's role, or
the machine's.
"""

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import quote

from serving.exits import ExitCode
from serving.weights.checksum import Checksum
from serving.weights.errors import UnreachableError, WeightsError, package_missing
from serving.weights.remote import CONNECT_SECONDS, SILENT_SECONDS, Address, Listing, RemoteFile, listing_of
from serving.weights.variables import check_secrets

SCHEME = "s3://"
"""What the address of a bucket begins with."""

_FORBIDDEN = (400, 401, 403)
_SIGNED_SECONDS = 3600
_MD5 = re.compile(r"([0-9a-f]{32})(-[0-9]+)?")
_VIRTUAL_HOSTS = "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING"
"""The variable by which vLLM's own reader of buckets is told the same."""


class Bucket:
    """A folder of a bucket."""

    revision = ""
    pinned = None

    def __init__(self, uri: str) -> None:
        """Say which.

        Args:
            uri: bucket and folder, such as ``s3://models/qwen``.
        """
        self.name = uri.rstrip("/")
        self._bucket, _, self._prefix = self.name.removeprefix(SCHEME).partition("/")
        self.folder = f"s3/{quote(self.name.removeprefix(SCHEME), safe='')}"

    def listing(self) -> Listing:
        """Ask the store for the objects, with their sizes and states."""
        check_secrets(self.name, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        with self._asked() as client:
            return listing_of(self.name, self._files(client))

    def checksum(self, file: RemoteFile) -> Checksum | None:
        """Ask the store for what the listing does not have: a SHA-256, and whether the ETag is an MD5."""
        with self._asked() as client:
            return self._checksum(client, file)

    def address(self, file: RemoteFile) -> Address:
        """A signed URL, which holds for one state of the object."""
        url = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": self._key(file.path)}, ExpiresIn=_SIGNED_SECONDS
        )
        return Address(url, {"If-Match": file.etag} if file.etag else {})

    def refused(self, status: int) -> WeightsError:
        """What a status means."""
        if status in _FORBIDDEN:
            return WeightsError(
                ExitCode.TOKEN,
                f"{self.name}: the store refused the credentials (status {status}): correct those in "
                "weights.objectStore.credentialsSecret, or let serving.serviceAccount list and read the bucket",
            )
        return WeightsError(
            ExitCode.WEIGHTS,
            f"{self.name}: there is no such bucket or object (status {status}): correct the model's source, and region "
            "and endpoint in weights.objectStore",
        )

    def _silent(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"{self.name}: the store does not answer ({error}): check region and endpoint in weights.objectStore, and "
            "that the network lets pods reach it"
        )

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """The library's client, whose errors are told as ours."""
        client = self._client
        from botocore import exceptions

        try:
            yield client
        except exceptions.ClientError as error:
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            if status and status < 500:
                raise self.refused(status) from error
            raise self._silent(error) from error
        except exceptions.NoCredentialsError as error:
            raise WeightsError(
                ExitCode.TOKEN,
                f"{self.name}: the pod has no credentials for the bucket: name a Secret with AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY in weights.objectStore.credentialsSecret, or let serving.serviceAccount read it",
            ) from error
        except exceptions.BotoCoreError as error:
            raise self._silent(error) from error

    def _files(self, client: Any) -> Iterator[RemoteFile]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._key(""))
        for page in pages:
            for entry in page.get("Contents", ()):
                path = str(entry["Key"]).removeprefix(self._key(""))
                # Some tools make empty objects for folders.
                if path and not path.endswith("/"):
                    yield RemoteFile(path, entry["Size"], etag=entry["ETag"])

    def _checksum(self, client: Any, file: RemoteFile) -> Checksum | None:
        where = {"Bucket": self._bucket, "Key": self._key(file.path)}
        head = client.head_object(**where, ChecksumMode="ENABLED")
        whole = head.get("ChecksumSHA256", "")
        if whole and "-" not in whole:
            return Checksum("sha256", base64.b64decode(whole).hex())
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: with keys of KMS, it is no MD5.
        found = _MD5.fullmatch(head["ETag"].strip('"'))
        if not found or head.get("ServerSideEncryption", "AES256") != "AES256" or head.get("SSECustomerAlgorithm"):
            return None
        if not found[2]:
            return Checksum("md5", found[1])
        first = int(client.head_object(**where, PartNumber=1)["ContentLength"])
        parts = int(found[2][1:])
        # Parts that are not alike cannot be told from here.
        alike = first > 0 and (file.size + first - 1) // first == parts
        return Checksum("md5-of-parts", found[1], first) if alike else None

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise package_missing(self.name, "boto3", "buckets are") from error
        own = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3")
        style = "virtual" if os.environ.get(_VIRTUAL_HOSTS) == "1" else "path" if own else "auto"
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": style},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=SILENT_SECONDS,
        )
        return boto3.Session().client("s3", config=config)
