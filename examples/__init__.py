"""Scripts that drive a platform: to be read, run and changed."""
