"""`slt evaluate`: how well correlation links what the gold says is one incident, and the fitting of its weights."""
