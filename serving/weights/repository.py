"""What a repository of a hub is, whichever hub it is."""

from serving.weights.checksum import Checksum
from serving.weights.remote import COMMIT, RemoteFile


class Repository:
    """A repository in one of its revisions."""

    def __init__(self, hub: str, repository: str, revision: str) -> None:
        """Say which.

        Args:
            hub: the name of the hub's folder in the cache.
            repository: organisation and name.
            revision: a branch, a tag or a commit.
        """
        self.name = repository
        self.folder = f"{hub}/{repository.replace('/', '--')}"
        self.revision = revision
        self.pinned = revision if COMMIT.fullmatch(revision) else None

    def checksum(self, file: RemoteFile) -> Checksum | None:
        """What the hub's listing told."""
        return file.checksum
