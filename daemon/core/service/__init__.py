"""Service files of the daemon for launchd and systemd."""
