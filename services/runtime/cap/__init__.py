"""CAP from and to bytes: parsing, schemas, signatures. The rules are in services.core.cap and know no XML library."""
