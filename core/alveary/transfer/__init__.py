"""Moving rows: from a file into a table, from a table of one database into one of another."""
