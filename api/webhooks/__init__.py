"""What vendors tell us: one router per vendor. Each checks who speaks, stores what was said, then acts on it."""
