"""How a file is delimited and quoted: every reading scored, the best one chosen or asked about."""
