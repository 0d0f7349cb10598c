"""Commands that measure the published figures."""
