"""What travels between client and server: messages, parameters, their layout and their form."""
