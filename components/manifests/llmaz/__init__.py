"""What the llmaz backend writes: the operator's Helm release, and the objects of its models.

The names of fields are those of llmaz 0.1.4, its last version, of June 2025. There has been no commit
since October 2025, so the default backend is ``native``, and this one is for who has or wants llmaz.
"""
