"""Repositories of ModelScope, by its own library."""

from functools import cached_property
from typing import Any

from serving.exits import ExitCode
from serving.weights.checksum import Checksum
from serving.weights.errors import UnreachableError, WeightsError, package_missing
from serving.weights.remote import Address, Listing, RemoteFile, listing_of
from serving.weights.repository import Repository
from serving.weights.variables import check_secrets

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404


class ModelScope(Repository):
    """A repository of the hub."""

    def __init__(self, repository: str, revision: str | None) -> None:
        """Say which.

        Args:
            repository: organisation and name.
            revision: a branch, a tag or a commit. Default: ``master``.
        """
        super().__init__("modelscope", repository, revision or "master")

    def listing(self) -> Listing:
        """Ask the hub for the files, with their sizes and checksums."""
        check_secrets(self.name, "MODELSCOPE_API_TOKEN")
        api = self._api
        from modelscope_hub import errors

        try:
            found = api.list_repo_files(self.name, "model", revision=self.revision)
        except (errors.AuthenticationError, errors.PermissionDeniedError) as error:
            raise self.refused(_FORBIDDEN) from error
        except (errors.NotExistError, errors.InvalidParameter) as error:
            raise self.refused(_NOT_FOUND) from error
        except errors.HubError as error:
            raise UnreachableError(
                f"{self.name}: ModelScope does not answer ({error}): check MODELSCOPE_ENDPOINT, the proxy, and that "
                "the network lets pods reach it"
            ) from error
        files = (
            RemoteFile(entry.path, entry.size, Checksum("sha256", entry.sha256.lower()) if entry.sha256 else None)
            for entry in found
            if not entry.is_dir
        )
        return listing_of(self.name, files, self.pinned)

    def address(self, file: RemoteFile) -> Address:
        """Where the hub gives a file."""
        token = self._api.legacy.token
        url = self._api.legacy.get_download_url(self.name, "model", file.path, self.revision)
        return Address(url, {"Cookie": f"m_session_id={token}"} if token else {})

    def refused(self, status: int) -> WeightsError:
        """What a status means."""
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            return WeightsError(
                ExitCode.TOKEN,
                f"{self.name}: ModelScope refused the token: put one of an account that may read the model into the "
                "Secret that MODELSCOPE_API_TOKEN comes from",
            )
        return WeightsError(
            ExitCode.WEIGHTS,
            f"{self.name}: ModelScope knows no such repository or revision {self.revision} (status {status}): correct "
            "the model's source and revision",
        )

    @cached_property
    def _api(self) -> Any:
        try:
            from modelscope_hub import HubApi, HubConfig
        except ImportError as error:
            raise package_missing(self.name, "modelscope-hub", "ModelScope is") from error
        return HubApi(HubConfig())
