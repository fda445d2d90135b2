"""One router per vendor, each in that vendor's wire format."""
