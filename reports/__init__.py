"""Run records made readable: tables, pictures and one self-contained page. ``finkd.reports.build`` is the way in."""
