"""The command line, for administrators and for partners."""
