"""What makes Higress the gateway: providers, routes, plugins and policies as plain Kubernetes objects."""
