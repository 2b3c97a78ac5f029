"""SLT Relay: alerts between organisations that share security information, each under its originator's consent."""
