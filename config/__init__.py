"""Settings from the environment and the data files the platform ships."""
