"""All notification channels: each module in this folder defines one, as ``CHANNEL``.

A new channel is a new module here, and its settings in ``pipeline_site/settings.py``.
"""

import pkgutil
from importlib import import_module

from ingest.notifications.channel import Channel


def _load_channels() -> dict[str, Channel]:
    modules = (
        import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__) if not module.ispkg
    )
    return {module.CHANNEL.name: module.CHANNEL for module in modules}


CHANNELS = _load_channels()
"""Each channel by its name."""


def configured_channels() -> list[Channel]:
    """Return the channels that the settings name a destination for."""
    return [channel for channel in CHANNELS.values() if channel.is_configured()]


def label_of(name: str) -> str:
    """Return the label of the channel called ``name``; the name itself if there is no such channel any more."""
    return CHANNELS[name].label if name in CHANNELS else name
