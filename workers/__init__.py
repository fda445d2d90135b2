"""Composition root: builds settings, pools, clients and models, injects them, and runs the workers."""
