"""The site, on a socket that was bound and listens before it starts: its port can't be lost in between."""

import socket

THREADS = 4


def serve(descriptor: int) -> None:
    """Serve the site on the listening socket ``descriptor`` until a signal ends it."""
    from waitress import serve as serve_by_waitress

    from pipeline_site.wsgi import application

    serve_by_waitress(application, sockets=[socket.socket(fileno=descriptor)], threads=THREADS)
