//! What the commands ask of a service, and what they make of its answers.
