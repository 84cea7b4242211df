select c.schema_name as schema, c.table_name as relation, c.column_name as name, c.column_index as ordinal,
       c.data_type as type_name, c.is_nullable as nullable, c.column_default as default,
       c.is_generated as generated, nullif(list_position(k.constraint_column_names, c.column_name), 0) as primary_key
  from duckdb_columns() c
  left join duckdb_constraints() k on k.database_oid = c.database_oid and k.table_oid = c.table_oid
                                  and k.constraint_type = 'PRIMARY KEY'
 where c.database_name = current_database() and c.schema_name = $schema
 order by relation, ordinal
