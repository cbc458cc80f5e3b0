//! The agent as its users start it, beside an emulated metadata service: what
//! its doors hand out, to whom, how often it asks upstream, and what it does
//! when upstream fails, when it is attacked, and when it is told nonsense.

mod attacks;
mod attacks_flood;
mod attacks_namespace;
mod attacks_upstream;
mod callers;
mod configuration;
mod doors;
mod faults;
mod handover;
mod herd;
mod host;
mod notify;
mod privileges;
mod receiver;
mod report;
mod restart;
mod rules;
mod sts;
