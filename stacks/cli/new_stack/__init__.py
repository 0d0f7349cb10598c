"""A stack file out of a few answers."""
