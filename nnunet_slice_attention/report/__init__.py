"""Results a person can grasp in a minute: tables, figures, Markdown and one self-contained HTML page."""
