"""Pure core: values in, values out. No clock, socket, await, randomness or logging here."""
