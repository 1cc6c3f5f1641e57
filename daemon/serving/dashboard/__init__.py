"""The dashboard: a page that shows what the daemon is doing, from the workspace's folders."""

from daemon.serving.dashboard.routes import dashboard_routes

__all__ = ["dashboard_routes"]
