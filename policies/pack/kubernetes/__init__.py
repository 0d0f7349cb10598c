"""What rules have to know of Kubernetes: pods, selectors, scaling, vLLM's command line, routes."""
