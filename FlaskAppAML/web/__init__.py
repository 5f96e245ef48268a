"""Everything that knows Flask. Each module has an `install(app)` that adds its part."""
