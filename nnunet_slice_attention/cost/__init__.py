"""What models cost in parameters, seconds and memory: measured, and read again."""
