//! The whole program, as its users meet it: real processes in real terminals, against the simulated AWS over TCP.
//!
//! Whatever is waited for is a condition, with a bound; when it passes, what the screen showed is printed.
#![cfg(test)]

mod defects;
mod demo;
mod faces;
mod going_back;
mod hold;
mod looking_back;
mod policy;
mod promoting;
mod recovery;
mod refusals;
mod site;
mod terminal;
mod unheard;
mod without_aws;
mod wrong_input;
