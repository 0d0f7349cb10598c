"""Tests of what makes a platform seen."""
