"""The people around Panda Pack, played: merchants, suppliers, warehouse, carriers, customs, schools.

A stranger to the services: it knows their public HTTP APIs, pushes by the public client (`pandapack.client`) and holds
a key for each role, by which it registers the parties that it plays, and a key for each of these; nothing else. All
that it decides is a pure function of the seed and the id of what it decides about, so that the same seed tells the same
story in whatever order, and however often, things are asked.

donations   donation k of a seed, as NDJSON; years: those of the programme's three years, their festivals and refunds
chance      seeded chance for single decisions
chapters    the story's plan: months, and the needs that come in then
story_clock the services' clock, which the play sets
calendar    when each round was funded: its journey is counted from there
decisions   what suppliers, warehouse, carriers and schools decide; routes and journeys: how a shipment travels
api_client  the services' public APIs for all players: patient with services that restart
player      what all players have in common
parties     the organisations that the players act for, registered, each with its own key
buyer, suppliers, warehouse, carriers, schools, merchants, evaluator   the players
play        all of them together; settled: when everything has come to its end
"""
