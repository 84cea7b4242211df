select schema_name as schema, table_name as relation, constraint_name as name, lower(constraint_type) as kind,
       constraint_column_names as columns, expression
  from duckdb_constraints()
 where database_name = current_database() and schema_name = $schema
   and constraint_type in ('PRIMARY KEY', 'UNIQUE', 'CHECK')
 order by relation, name
