"""One small sender per channel; all of them are asked the same three things."""
