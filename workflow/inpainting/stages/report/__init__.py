"""Figures, pages and clips of the report, made from the files that the other stages wrote."""
