"""One module for each revision of the store, oldest first."""
