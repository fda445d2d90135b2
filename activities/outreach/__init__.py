"""Reaching contractors: e-mails, texts, calls, demos (spec 3.6.4)."""
