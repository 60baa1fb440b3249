"""The `panda` command. It reaches the services by HTTP or starts them as processes, never by import."""
