"""Pure decisions, a file an aggregate: publication, fund, need, round, order; pricing, allocation and intervals beside."""
