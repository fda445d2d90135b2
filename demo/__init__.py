"""The demo: a sandbox city's permits become leads on the real stack, while you watch."""
