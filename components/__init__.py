"""Pulumi components: the resources of the platform, and how they are wired."""
