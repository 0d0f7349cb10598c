"""The page that shows a stack's dashboards where no Grafana is: their own definitions, drawn in a browser."""
