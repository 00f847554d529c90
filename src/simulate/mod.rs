//! Realistic CIC traffic, and the truth beside it. Imports nothing of the agent.
