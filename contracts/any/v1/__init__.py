"""Major version 1: fields are added, never renamed, removed or given another meaning."""
