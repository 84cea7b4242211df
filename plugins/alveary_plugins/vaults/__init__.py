"""Places that keep passwords, each a plugin of its own."""
