//! The ways in which traffic is shifted, one file a driver.

pub(super) mod alb;
