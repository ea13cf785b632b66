//! The suites against the fakes of this crate, against reference adapters, and against adapters that are wrong on
//! purpose.

#[cfg(test)]
mod judging;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod policy_servers;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod wrong;
