"""Where weights are kept, and the Job that fetches them before a model starts."""
