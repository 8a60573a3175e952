"""What partners' URLs and files may try, in tables that the tests and `make faults` share."""
