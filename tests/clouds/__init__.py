"""Node pools with the real SDKs of the clouds."""
