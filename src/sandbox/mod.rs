//! A strict stand-in for Genesys Cloud. Judges raw JSON; shares no event type with the agent.
