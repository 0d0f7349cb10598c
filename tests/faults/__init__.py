"""Faults, and what must hold all the same: broken servers, hostile clients, a cluster that fails."""
