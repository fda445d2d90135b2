"""Pictures of a property: bought once, checked, and made ready for people (spec 3.1.3, 3.3)."""
