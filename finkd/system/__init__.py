"""Process and machine: memory, number formats, distributed processes, environment, logging of libraries."""
