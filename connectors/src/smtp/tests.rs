//! What needs no mail server: how a mail is built, what is refused, and servers that are none.

mod hostile;
mod messages;
