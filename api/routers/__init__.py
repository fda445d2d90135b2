"""One router per group of endpoints of spec section 5."""
