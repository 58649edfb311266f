"""Measures what models cost in parameters, time and memory, and reads the results."""
