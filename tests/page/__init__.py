"""The console's page in a real browser, against a server of our own that speaks the console's API."""
