"""What a stack's models and gateway do on the cluster right now."""
