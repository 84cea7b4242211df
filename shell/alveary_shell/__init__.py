"""The window's package: Tk lives here and in the panels' views, nowhere else."""
