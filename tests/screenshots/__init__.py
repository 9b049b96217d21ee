"""Pictures of every page, of a site that somebody has used for a month (``make screenshots``)."""
