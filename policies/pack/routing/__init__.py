"""Routes, read from what the gateways themselves read: decision 17 says why."""
