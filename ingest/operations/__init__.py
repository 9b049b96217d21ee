"""Operations across runs: doctor, reconciliation, retention, and the figures of the home page."""
