"""The SIOC's console: one page, its API, and what its operators do."""
