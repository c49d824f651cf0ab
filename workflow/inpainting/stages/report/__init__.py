"""Figures, pages and clips of the report, drawn from the files of the other stages."""
