"""Routes, read from what the gateways themselves read: decision 12 says why."""
