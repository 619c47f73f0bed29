"""What Stopgap can do: one module a task, found by walking this package."""
