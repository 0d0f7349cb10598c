"""What rules stand on, and what makes policies of them.

Nothing here may stand in the folder above: Python finds modules there first when Pulumi starts the pack, before those
of its own library with the same name.
"""
