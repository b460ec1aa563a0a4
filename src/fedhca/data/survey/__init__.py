"""What is in a data set and what is wrong with it, found by reading every file once."""
