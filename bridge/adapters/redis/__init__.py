"""The relayer's coordination state in Redis or Valkey (R-51): views, cursors and intents, never truth."""
