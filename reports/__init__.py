"""Run records made readable: tables, pictures and one self-contained page. ``reports.build`` is the way in."""
