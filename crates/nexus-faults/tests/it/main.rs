//! Faults of every kind against the event log, and what it must keep through them.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod crash_states;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod device_errors;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod history;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod linearizability;
#[cfg(test)]
mod model;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod random;
#[cfg(test)]
mod scorecard;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod subject;
#[cfg(test)]
mod tailing;
#[cfg(test)]
mod workload;
#[cfg(test)]
mod wrong_stores;
