"""Plain files of this machine."""
