"""What vendors tell us: read into facts, and what follows from each. Shared by the webhooks and the sweep."""
