"""Tests of what Higress is told, as a whole."""
