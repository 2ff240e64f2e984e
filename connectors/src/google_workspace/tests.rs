//! Unit tests, against a service on loopback.
