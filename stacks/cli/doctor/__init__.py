"""Whether everything that a stack needs is there, checked before an update finds out."""
