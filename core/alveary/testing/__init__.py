"""What third parties import to test with Alveary: pytest fixtures, loaded by pytest itself."""
