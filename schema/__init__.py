"""Tables, contracts, repositories and migrations: everything about the shape of stored and sent data."""
