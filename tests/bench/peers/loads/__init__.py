"""What a user would write with each peer: `python -m tests.bench.peers.loads.NAME URL FILE first|again`.

Each runs in its peer's environment and imports only what is installed there.
"""
