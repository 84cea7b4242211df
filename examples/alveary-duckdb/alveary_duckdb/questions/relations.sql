select schema_name as schema, table_name as name, 'table' as kind, estimated_size as rows, comment
  from duckdb_tables()
 where database_name = current_database() and schema_name = $schema
union all
select schema_name, view_name, 'view', null, comment
  from duckdb_views()
 where database_name = current_database() and schema_name = $schema
 order by name
