"""What exists, as pure values: lifecycles, versions, their moves, and what pipelines report."""
