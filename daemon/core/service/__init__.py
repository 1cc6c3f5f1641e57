"""A daemon as a service manager is told of it: launchd and systemd."""
