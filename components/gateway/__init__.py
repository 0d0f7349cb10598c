"""Gateways: one OpenAI-compatible endpoint in front of all models."""
