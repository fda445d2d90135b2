"""Finds where a property is and how to reach its owner (queue `enrichment`)."""
