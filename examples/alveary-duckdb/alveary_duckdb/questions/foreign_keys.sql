select schema_name as schema, table_name as relation, constraint_name as name, constraint_column_names as columns,
       schema_name as target_schema, referenced_table as target_relation, referenced_column_names as target_columns
  from duckdb_constraints()
 where database_name = current_database() and schema_name = $schema and constraint_type = 'FOREIGN KEY'
 order by relation, name
