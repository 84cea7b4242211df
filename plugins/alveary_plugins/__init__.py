"""Everything optional: each folder is a plugin found by its entry point, and could leave tomorrow."""
