"""How often one visitor may write: counts in memory, under a hash that dies with the process; pure."""

from collections import deque
from dataclasses import dataclass, field

REMEMBERED = 10_000  # visitors at most; beyond, those who have been quiet are forgotten


@dataclass
class Limiter:
    """At most `most` events a `seconds` for each key."""

    most: int
    seconds: float
    _seen: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, key: str, now: float) -> float:
        """Count one event; 0 if it is allowed, else the seconds until the next one is (and it is not counted)."""
        if len(self._seen) > REMEMBERED:
            self._seen = {k: times for k, times in self._seen.items() if times and times[-1] > now - self.seconds}
        times = self._seen.setdefault(key, deque())
        while times and times[0] <= now - self.seconds:
            times.popleft()
        if len(times) >= self.most:
            return times[0] + self.seconds - now
        times.append(now)
        return 0.0
