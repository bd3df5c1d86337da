"""What comes in from elsewhere, and is believed only after it was checked: bytes, JSON, TOML, arrays, lines, tables.

Read `bounded` (nothing is read without a limit), `checked` (each field by its kind, refused in one line), then the
formats: `toml_files`, `stored_arrays`, `stored_lines`, `table_files`.
"""
