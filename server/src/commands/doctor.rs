//! `homereel doctor`: what is wrong with this installation, and what helps. What does not belong
//! here: repairing.

pub mod storage;
