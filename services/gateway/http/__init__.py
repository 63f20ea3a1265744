"""HTTP operations, one module per noun: mostly tables of which message answers which path."""
