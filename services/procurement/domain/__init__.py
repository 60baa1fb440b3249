"""Pure decisions, a file an aggregate: publication, fund, need, round, order; beside them what these reckon with."""
