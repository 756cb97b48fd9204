"""The command `naru`: one module a noun. Heavy libraries are imported inside the commands that need them."""
