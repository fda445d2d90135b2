"""Pydantic messages: what workflows, activities, signals, updates and queries say to each other.

They carry identifiers and decisions, never a person's name, address line, e-mail or phone number.
`PropertyRequest` is the one exception: an operator may start a property by its address.
"""
