"""What is written for native models whose replicas span nodes: LeaderWorkerSets, and the release of their operator.

The names of fields are those of LeaderWorkerSet 0.9.
"""
