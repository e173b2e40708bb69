"""One package per chat platform. Each brings events in and replies out; none imports another."""
