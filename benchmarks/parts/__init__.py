"""One file a part: `measure(testbed, plan, …)` answers what it found, under the names of the result."""
