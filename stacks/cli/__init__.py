"""The `modelyard` command: ``commands`` parses, and the files beside it do.

Nothing heavy is imported before it is needed, for the command has to start at once.
"""
