"""What the models say of a property (spec 3.4)."""
