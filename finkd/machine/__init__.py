"""The machine and its processes: processor, threads, memory, number formats, environment, logging of libraries."""
