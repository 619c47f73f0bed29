"""Tasks of Stopgap: one module for each task, discovered by walking this package."""
