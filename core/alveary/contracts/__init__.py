"""What a plugin hands over or is handed: values, specs, drivers, exporters, the catalog."""
