//! The schedule against an upstream and clocks that are all made up: as a
//! property over every sequence, and as a story a case.

mod property;
mod simulation;
mod stories;
