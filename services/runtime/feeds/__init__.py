"""Reads the files of the feeds: CSV, JSON and XML, each record of a file exactly once."""
