"""Everything outside the product that it needs on a laptop: PostgreSQL, a local AWS, the worker in Lambda's place."""
