select schema_name as schema, table_name as relation, index_name as name, is_unique as unique,
       [if(e[1] = '"', replace(e[2:-2], '""', '"'), e) for e in expressions::varchar[]] as columns, 'index' as origin
  from duckdb_indexes()
 where database_name = current_database() and schema_name = $schema
union all
select schema_name, table_name, constraint_name, true, constraint_column_names, lower(constraint_type)
  from duckdb_constraints()
 where database_name = current_database() and schema_name = $schema and constraint_type in ('PRIMARY KEY', 'UNIQUE')
 order by relation, name
