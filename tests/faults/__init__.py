"""What the world may do to the product, done to real processes of it: `make faults`."""
