"""What workflows have done for them: load by id, call a rule, a vendor or a model, save, summarise."""
