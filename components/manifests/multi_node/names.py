"""Names, labels and variables of LeaderWorkerSet."""

API = "leaderworkerset.x-k8s.io/v1"
"""The API of LeaderWorkerSet."""
KIND = "LeaderWorkerSet"
"""Its kind."""

SET_NAME = "leaderworkerset.sigs.k8s.io/name"
"""Label of pods with the name of their LeaderWorkerSet, which is the model's."""
GROUP_INDEX = "leaderworkerset.sigs.k8s.io/group-index"
"""Label of pods with the number of their replica."""
WORKER_INDEX = "leaderworkerset.sigs.k8s.io/worker-index"
"""Label of pods with their number in their replica. The leader's is 0."""

LEADER_ADDRESS = "$(LWS_LEADER_ADDRESS)"
"""The address of a replica's leader, as its pods' containers may write it in words and variables."""
POD_NUMBER = "$(LWS_WORKER_INDEX)"
"""A pod's number in its replica, likewise."""
