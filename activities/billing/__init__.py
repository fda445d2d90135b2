"""What vendors charged for a lead."""
