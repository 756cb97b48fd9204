"""Everything that runs a whole bridge on one machine for demonstrations and tests; never part of production."""
