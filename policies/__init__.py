"""Policies: what must hold of every stack that serves models, whoever wrote its objects."""
