//! Nothing: this crate exists for the features in its manifest, which make
//! every selection of packages build the heavy dependencies the same way.
