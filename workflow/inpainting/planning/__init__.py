"""`inpaint plan`: what a run will cost, computed from its configuration before anything else is."""
