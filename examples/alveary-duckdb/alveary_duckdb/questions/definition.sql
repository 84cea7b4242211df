select rtrim(sql, ';')
  from (select schema_name, table_name as name, sql, database_name from duckdb_tables()
        union all select schema_name, view_name, sql, database_name from duckdb_views()
        union all select schema_name, sequence_name, sql, database_name from duckdb_sequences()
        union all select schema_name, type_name, format('create type "{}" as enum ({})', replace(type_name, '"', '""'),
                         list_aggregate(list_transform(labels, lambda x: '''' || replace(x, '''', '''''') || ''''), 'string_agg', ', ')),
                         database_name from duckdb_types() where logical_type = 'ENUM' and not internal
        union all select schema_name, index_name, sql, database_name from duckdb_indexes()
        union all select schema_name, table_name, sql, database_name from duckdb_indexes())
 where database_name = current_database() and schema_name = $schema and name = $name and sql is not null
