"""The process and the machine: memory, number formats, distributed processes, environment."""
