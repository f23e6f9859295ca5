"""The hop between landing and tables: message, broker, outbox and inbox, transform sensor."""
