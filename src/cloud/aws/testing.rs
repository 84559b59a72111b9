//! An HTTP client that answers from a script and keeps what it was sent.
