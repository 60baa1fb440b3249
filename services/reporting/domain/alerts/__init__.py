"""Alerts: conditions over what reporting knows, when they fire, and what people say to them. All of it is pure."""
