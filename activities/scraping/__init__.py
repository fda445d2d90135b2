"""Reads permit portals and county assessors (queue `scraping`)."""
