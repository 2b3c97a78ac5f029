"""Do two reports of different organisations tell of one incident? Pure; weights and sketches are passed in."""
