//! REST through the router, on a real database.
