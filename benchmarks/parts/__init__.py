"""One file a part: `measure(ground, plan, …)` answers what it found, under the names of the result."""
