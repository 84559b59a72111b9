//! Arguments → settings → which face; exit code.

fn main() {}
