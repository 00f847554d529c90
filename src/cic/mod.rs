//! What comes in: CIC's messages, as they stand in a Kafka record.
