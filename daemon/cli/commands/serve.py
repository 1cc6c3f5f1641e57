"""`serve`: runs the HTTP server of a workspace; needs no daemon."""

from typing import Annotated

import typer

from daemon.cli.output.screen import echo
from daemon.cli.place import HERE, Root, workspace


def serve(
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Use the stand-in model: none is needed.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Serve inference over HTTP until stopped, at the address in the settings (server.port)."""
    # Imported here: the command line must start without them.
    from daemon.folders.disk import access
    from daemon.serving.launch import serve as serve_until_stopped
    from daemon.settings_file import read_settings

    layout = workspace(root)
    settings = read_settings(layout.settings_file)
    access.restrict(settings.access)
    if settings.server.needs_token:
        echo(f"Requests need 'Authorization: Bearer …' with the text of {layout.server_token}.")
    serve_until_stopped(layout, settings.server, rehearse=rehearse, child=False)
