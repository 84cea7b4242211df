"""Alveary's own data: one SQLite file, its schema owned by the migrations, its rows read and written with sqlite3."""
