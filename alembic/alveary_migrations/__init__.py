"""The migrations of Alveary's own store; this package imports nothing of the others."""
