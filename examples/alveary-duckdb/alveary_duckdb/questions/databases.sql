select database_name as name
  from duckdb_databases()
 where not internal
 order by name <> current_database(), name
