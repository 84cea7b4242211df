select schema_name as schema, sequence_name as name, 'sequence' as kind, '' as signature, null as detail, comment
  from duckdb_sequences()
 where database_name = current_database() and schema_name = $schema
union all
select schema_name, function_name, 'macro', array_to_string(parameters, ', '),
       case function_type when 'table_macro' then 'TABLE' end, comment
  from duckdb_functions()
 where database_name = current_database() and schema_name = $schema and not internal and macro_definition is not null
union all
select schema_name, type_name, 'enum', '', array_to_string(labels, ', '), comment
  from duckdb_types()
 where database_name = current_database() and schema_name = $schema and not internal and logical_type = 'ENUM'
 order by kind, name
