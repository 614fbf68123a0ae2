"""Small, fast financial NER models: teachers, students, losses, stages, strategies and their records."""
