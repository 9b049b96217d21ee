"""What operators need besides single runs: doctor, reconcile, retention, the home page's figures."""
