"""The dashboard: a page that shows what the daemon is doing; reads folders, knows no model."""

from daemon.serving.dashboard.routes import dashboard_routes

__all__ = ["dashboard_routes"]
