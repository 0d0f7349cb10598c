"""Stack settings: what a person writes in a stack file, and the rules it must keep."""
