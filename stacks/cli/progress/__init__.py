"""What is shown while an update runs: a row a component, with what a slow one does."""
