"""The saga, as pure values: where a promotion may go, and how each fact advances it."""
