"""Workers: the one thread that touches a connection, and the thread or process it is hosted in."""
