"""Tests of the command `modelyard`."""
