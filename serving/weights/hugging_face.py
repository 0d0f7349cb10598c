"""Repositories of Hugging Face, by its own library: address of the hub, token and proxies are the library's matter."""

from serving.exits import ExitCode
from serving.weights.checksum import Checksum
from serving.weights.errors import UnreachableError, WeightsError
from serving.weights.remote import COMMIT, SILENT_SECONDS, Address, Listing, RemoteFile, listing_of
from serving.weights.repository import Repository

_UNAUTHORIZED, _FORBIDDEN = 401, 403


class HuggingFace(Repository):
    """A repository of the hub."""

    def __init__(self, repository: str, revision: str | None) -> None:
        """Say which.

        Args:
            repository: organisation and name.
            revision: a branch, a tag or a commit. Default: ``main``.
        """
        super().__init__("hf", repository, revision or "main")
        self._commit = self.revision

    def listing(self) -> Listing:
        """Ask the hub for the files, with their sizes and checksums."""
        # Here, for it takes half a second, and a start with everything there needs none of it.
        from huggingface_hub import HfApi, errors

        try:
            found = HfApi().model_info(self.name, revision=self.revision, files_metadata=True, timeout=SILENT_SECONDS)
        except errors.HFValidationError as error:
            raise WeightsError(
                ExitCode.WEIGHTS, f"{self.name}: it is no name of a repository: correct the model's source"
            ) from error
        except errors.RevisionNotFoundError as error:
            raise WeightsError(
                ExitCode.WEIGHTS,
                f"{self.name}: it has no revision {self.revision}: write one of its commits, tags or branches as the "
                "model's revision",
            ) from error
        except errors.GatedRepoError as error:
            raise self.refused(_FORBIDDEN) from error
        except errors.RepositoryNotFoundError as error:
            raise WeightsError(ExitCode.WEIGHTS, self._unknown()) from error
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            raise self.refused(status) if status in (_UNAUTHORIZED, _FORBIDDEN) else self._silent(error) from error
        # The library's HTTP client is its own matter, and so are its errors.
        except Exception as error:
            raise self._silent(error) from error
        self._commit = found.sha or self.revision
        files = (
            RemoteFile(
                path=entry.rfilename,
                size=self._told(entry.size, entry.rfilename),
                checksum=_checksum(entry.lfs.sha256 if entry.lfs else None, entry.blob_id),
            )
            for entry in found.siblings or ()
        )
        return listing_of(self.name, files, self._commit)

    def address(self, file: RemoteFile) -> Address:
        """Where the hub gives a file of the commit that was listed."""
        from huggingface_hub import get_token, hf_hub_url

        token = get_token()
        url = hf_hub_url(self.name, file.path, revision=self._commit)
        return Address(url, {"Authorization": f"Bearer {token}"} if token else {})

    def refused(self, status: int) -> WeightsError:
        """What a status means."""
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            return WeightsError(
                ExitCode.TOKEN,
                f"{self.name}: its hub refused the token (status {status}): accept the model's terms there, and put a "
                "token of that account that may read it into the Secret that HF_TOKEN comes from",
            )
        return WeightsError(ExitCode.WEIGHTS, f"{self._unknown()} (status {status})")

    def _told(self, size: int | None, path: str) -> int:
        if size is None:
            raise WeightsError(
                ExitCode.WEIGHTS,
                f"{self.name}: its hub does not say how large {path} is: correct HF_ENDPOINT, or set weights.download: "
                "vllm for a mirror that says less than the hub",
            )
        return size

    def _unknown(self) -> str:
        return (
            f"{self.name}: its hub knows no such repository, or hides it from this token: correct the model's source, "
            "or put a token of an account that may read it into the Secret that HF_TOKEN comes from"
        )

    def _silent(self, error: Exception) -> UnreachableError:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        return UnreachableError(
            f"{self.name}: its hub does not answer ({first}): check HF_ENDPOINT, the proxy, and that the network lets "
            "pods reach it"
        )


def _checksum(sha256: str | None, git: str | None) -> Checksum | None:
    if sha256:
        return Checksum("sha256", sha256)
    return Checksum("git", git) if git and COMMIT.fullmatch(git) else None
