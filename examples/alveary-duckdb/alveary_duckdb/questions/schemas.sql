select schema_name as name
  from duckdb_schemas()
 where database_name = current_database()
 order by name <> current_schema(), name
