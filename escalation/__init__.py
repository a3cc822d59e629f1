"""Questions that only a person can answer: tickets, the officers who answer them, and by when."""
