"""What is known of a contractor: website, contacts, scores (spec 3.6.2 and 3.6.3)."""
